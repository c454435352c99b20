"""What stands outside a rule of the walls, each with its reason: data that the catalogue's checks read."""

from typing import Final

EXEMPT: Final = {
    "accounts": "signing in comes before any tenant; one person may work in several",
    "sessions": "found by the hash of its secret before the tenant is known",
    "memberships": "ids alone, so that sign-in can look across tenants",
    "passkeys": "an account's own, for all its tenants: public keys, nothing of a patient",
    "totp_seeds": "an account's own, for all its tenants: sealed by the key of accounts",
    "recovery_codes": "an account's own, for all its tenants: hashes alone",
    "challenges": "hashes of what a passkey has to sign within minutes, before any tenant",
    "authenticator_failures": "failed tries are counted before anybody is known",
    "account_keys": "the wrapped key of what accounts keep secret; accounts belong to no tenant",
    "company_providers": "found before anybody is known, for all tenants of a company; its secret is sealed",
    "linked_identities": "an account's own, for all its tenants: what an identity provider calls it",
    "provider_flows": "hashes of who is on the way to an identity provider, for minutes, before any tenant",
    "companies": "names of service companies, nothing of a patient; one serves several tenants",
    "company_accounts": "ids alone, so that a director is found before any tenant; figures are asked inside each wall",
    "tenants": "names of tenants, no health data; people choose among theirs",
    "account_events": "what an account did outside any tenant; the application may only insert",
    "account_intervals": "one account, one place at a time, in all tenants; only triggers write, nobody reads",
    "request_counts": "requests are counted before anybody is known; hashes and numbers alone",
    "rule_limits": "CMS's public numbers, the same for every tenant",
    "alembic_version": "the schema's revision; only the migrator touches it",
}
"""Tables outside wall one, with the reason."""

NO_ROSTER: Final = {
    "designations": "the roster's own table: its policy would ask itself",
    "glass_openings": "the roster asks it; behind the wall its policy shows members their own uses alone",
    "audit_event_patients": "the trail records refused looks as well; auditors read it, and they have no roster",
    "standing_marks": "triggers mark every patient who is written about; NARROWER walls what is read and deleted",
}
"""Patient-bound tables outside wall two, with the reason."""

OWN_ROSTER: Final = {
    "timers": "members stop their own timer though the patient went to somebody else meanwhile",
    "time_log_entries": "members see and void what they recorded themselves; the owner keeps the sums of all",
    "time_entry_approvals": "members see what was decided over their own time; nobody behind the wall decides",
    "month_seconds": "only the owner, in triggers, writes it: also for a patient who left the roster",
}
"""Patient-bound tables whose wall two also shows members their own rows, with the reason."""

NARROWER: Final = {
    ("drafts", "writers_own"): "nobody reads what another person has not saved yet",
    ("designations", "designate_insert"): "nobody behind the wall moves the wall",
    ("designations", "designate_update"): "nobody behind the wall moves the wall",
    ("covers", "cover_insert"): "nobody behind the wall moves the wall",
    ("covers", "cover_update"): "nobody behind the wall moves the wall",
    ("pool_duties", "duty_insert"): "nobody behind the wall moves the wall",
    ("pool_duties", "duty_update"): "nobody behind the wall moves the wall",
    ("glass_openings", "roster_select"): "nobody behind the wall learns whom others opened",
    ("glass_openings", "used_own"): "nobody opens in another's name",
    ("glass_reviews", "roster_select"): "nobody behind the wall learns how others were reviewed",
    ("glass_reviews", "sign_own"): "nobody behind the wall reviews, and nobody in another's name",
    ("attempts", "own_attempt"): "nobody behind the wall records an attempt in another's name",
    ("timers", "own_timer"): "nobody behind the wall stops another's timer",
    ("standing_marks", "roster_select"): "nobody behind the wall learns that somebody else's patient changed",
    ("standing_marks", "roster_delete"): "nobody behind the wall unmarks somebody else's patient",
}
"""Further restrictive policies of single commands, with the reason."""

DEFINERS: Final = {
    "ctx.tenant()": "verifies the context with keys that nobody else may read",
    "ctx.member()": "verifies the context with keys that nobody else may read",
    "ctx.sees_all()": "verifies the context with keys that nobody else may read",
    "ctx.roster()": "verifies the context once; what it reads is behind the tenant wall",
    "ctx.duty()": "verifies the context once; what it reads is behind the tenant wall",
    "ctx.answered(uuid,timestamp with time zone)": "tells whose patient somebody was, of the caller alone",
    "ctx.may_break_glass()": "verifies the context once; what it reads is behind the tenant wall",
    "ctx.find_beyond(uuid,text,text,date)": "names a few people beyond the roster to those who may break the glass",
    "ctx.break_glass(uuid,uuid,text,bytea)": "the only way to open emergency access; stamps who and until when",
    "ctx.end_glass(uuid)": "the only way to end it early; stamps who",
    "ctx.opening()": "says which keys there are, by number, and what a context must name",
    "jobs.enqueue_many(text,json)": "the only way into the queue; stamps the tenant",
    "jobs.standing()": "counts the caller's own jobs by verb",
    "jobs.waiting(text)": "counts the caller's own jobs",
    "public.count_attempts()": "keeps the counts that nobody else may write",
    "public.account_time_guard()": "writes the intervals that nobody may read",
    "public.mark_patients()": "marks are inserted by triggers alone",
    "public.mark_themselves()": "marks are inserted by triggers alone",
    "public.mark_of_member()": "marks are inserted by triggers alone",
    "public.mark_of_practitioner()": "marks are inserted by triggers alone",
    "public.tenant_settings_idle()": "puts how long a session rests where sign-in reads it, for its own tenant alone",
    "public.tenant_settings_timer()": "puts when a timer asks where every page reads it, for its own tenant alone",
    "public.sum_new_time()": "keeps the sums of time that nobody else may write",
    "public.sum_voided_time()": "keeps the sums of time that nobody else may write",
    "public.sum_decided_time()": "keeps the sums of time that nobody else may write",
    "public.take_time_off(uuid[],uuid,text[])": "what those three share; nobody else may call it",
}
"""Functions that run with their owner's rights, with the reason."""

POWERFUL: Final = {"caretide_admin": "the embedded server's superuser: from this machine only, for its care"}
"""Roles of ours that stand above the walls, with the reason."""
