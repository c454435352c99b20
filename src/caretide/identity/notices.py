"""Notices to the owner of an account: they go to a channel other than the one that was used (N-08)."""

from typing import Final

from caretide.runtime.mail import Letter
from caretide.runtime.tx import Tx


def tell(tx: Tx, email: str, what: str) -> None:
    """Write to an address what happened to its account, once the transaction has committed."""
    subject, text = NOTICES[what]
    tx.letters.append(Letter(email, subject, f"{text} If you know nothing of it, tell your administrator now."))


NOTICES: Final = {
    "password": (
        "Your password was changed",
        "The password of your Caretide account was changed. Its other sessions have ended; tokens for programs go on.",
    ),
    "passkey": (
        "A passkey was added to your account",
        "A passkey was added to your Caretide account.",
    ),
    "passkey-gone": (
        "A passkey was removed from your account",
        "A passkey was removed from your Caretide account. Its other sessions have ended.",
    ),
    "totp": (
        "An authenticator app was set up for your account",
        "An authenticator app was set up for your Caretide account. Its other sessions have ended.",
    ),
    "totp-gone": (
        "The authenticator app was removed from your account",
        "The authenticator app was removed from your Caretide account. Its other sessions have ended.",
    ),
    "codes": (
        "New recovery codes for your account",
        "New recovery codes were made for your Caretide account; the old ones are of no use any more.",
    ),
    "recovery": (
        "A recovery code of your account was used",
        "Somebody signed in to your Caretide account with a recovery code.",
    ),
    "disabled": (
        "Too many wrong tries at your account",
        "A way to sign in to your account was switched off after fifty wrong tries; a passkey still works.",
    ),
    "linked": (
        "A single sign-on was linked to your account",
        "Your organization's sign-on can open your Caretide account from now on.",
    ),
    "unlinked": (
        "A single sign-on was taken from your account",
        "Your organization's sign-on does not open your Caretide account any more.",
    ),
    "token": (
        "A token was made for your account",
        "A token was made by which a program can work as you in Caretide.",
    ),
    "recovery-asked": (
        "Somebody asked for a new way in to your account",
        "An administrator asked to take away how you sign in, and to hand you a new link; another has to confirm it.",
    ),
    "reset": (
        "Your ways to sign in were taken away",
        "How you sign in was taken away. You get a new link, and apart from it, by voice, the code that it asks for.",
    ),
}
"""What changed -> subject and text of the notice: it goes to a channel other than the one that was used (N-08)."""
