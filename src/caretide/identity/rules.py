"""Passwords and lock-outs: NIST SP 800-63B-4, sections 3.1.1.2 and 3.2.2."""

from datetime import datetime, timedelta

from caretide.kernel.errors import Invalid

MINIMUM = 15
MAXIMUM = 128
LOCK_AFTER = 10
LOCK_FOR = timedelta(minutes=15)
IDLE = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=12)


def check_password(password: str, *, email: str, name: str) -> None:
    """Refuse a password that is too short, too long, or little more than the person's own name or address.

    Length is counted in code points; nothing is required of its composition.
    """
    if len(password) < MINIMUM:
        raise Invalid(f"Use at least {MINIMUM} characters; a few unrelated words work well", field="password")
    if len(password) > MAXIMUM:
        raise Invalid(f"Use at most {MAXIMUM} characters", field="password")
    folded = password.casefold()
    own = [email, email.partition("@")[0], name, "caretide", "password"]
    for word in own:
        if len(word) > 3:
            folded = folded.replace(word.casefold(), "")
    if len(folded) < MINIMUM // 2 or len(set(password)) < 5:
        raise Invalid("This password is too easy to guess; use a few unrelated words", field="password")


def lock_until(failed_attempts: int, now: datetime) -> datetime | None:
    """Return until when an account is locked after a number of consecutive failures."""
    return now + LOCK_FOR if failed_attempts >= LOCK_AFTER else None


def is_alive(created_at: datetime, last_seen_at: datetime, now: datetime) -> bool:
    """Say whether a session still stands: 15 minutes idle, 12 hours in all."""
    return now - created_at < ABSOLUTE and now - last_seen_at < IDLE
