"""Time to the second: timers on the server's clock, and entries that are inserted once and never changed.

Time that was told after the fact counts once a second person approved it; a refusal voids it. A correction voids an
entry and records what it should have been: what lies inside the old interval counts as it did, what reaches beyond it
waits. `month_seconds` and `member_days` are sums that triggers keep in the transaction that changes an entry.

What work is called is the tenant's to say (`activities`); as what it counts is not.

Whose timer runs gives signs of life (`timer_signs`): a stretch without one is asked about, and a question that nobody
answers stops the timer at the last sign.

Owns `activities`, `timers`, `timer_signs`, `time_log_entries`, `time_entry_approvals`, the two sums, `month_locks` and,
behind triggers, `account_intervals`: the one named key without a tenant, by which one account cannot be in two places
at once.
"""
