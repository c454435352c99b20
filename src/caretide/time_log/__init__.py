"""Time to the second: timers on the server's clock, and entries that are inserted once and never changed.

Owns `timers`, `time_log_entries`, `month_locks` and, behind triggers, `account_intervals`: the one named key without a
tenant, by which one account cannot be in two places at once.
"""
