"""What is done to accounts and sessions. The verbs are public here, whichever module holds them."""

from caretide.identity.actions.accounts import end_account, reopen_account, take_factors
from caretide.identity.actions.codes import (
    NewSeed,
    begin_totp,
    confirm_identity,
    confirm_totp,
    new_recovery_codes,
    prove_code,
    remove_totp,
)
from caretide.identity.actions.passkeys import (
    add_passkey,
    first_passkey_offer,
    open_account_with_passkey,
    passkey_offer,
    passkey_question,
    prove_passkey,
    remove_passkey,
    rename_passkey,
    sign_in_by_passkey,
)
from caretide.identity.actions.sessions import (
    choose_tenant,
    end_my_other_sessions,
    end_my_session,
    end_sessions,
    pause_sessions,
    sign_out,
    stay,
)
from caretide.identity.actions.sign_in import (
    change_password,
    enter,
    join,
    open_account,
    resume_by_password,
    sign_in,
)
from caretide.identity.actions.tokens import (
    create_service_account,
    create_service_token,
    create_token,
    end_service_account,
    end_tokens,
    revoke_my_token,
    revoke_token,
)
from caretide.identity.opening import CONFIRM, SignedIn
from caretide.identity.passwords import HASHER
from caretide.identity.tries import Refused

__all__ = [
    "CONFIRM",
    "HASHER",
    "NewSeed",
    "Refused",
    "SignedIn",
    "add_passkey",
    "begin_totp",
    "change_password",
    "choose_tenant",
    "confirm_identity",
    "confirm_totp",
    "create_service_account",
    "create_service_token",
    "create_token",
    "end_account",
    "end_my_other_sessions",
    "end_my_session",
    "end_service_account",
    "end_sessions",
    "end_tokens",
    "enter",
    "first_passkey_offer",
    "join",
    "new_recovery_codes",
    "open_account",
    "open_account_with_passkey",
    "passkey_offer",
    "passkey_question",
    "pause_sessions",
    "prove_code",
    "prove_passkey",
    "remove_passkey",
    "remove_totp",
    "rename_passkey",
    "reopen_account",
    "resume_by_password",
    "revoke_my_token",
    "revoke_token",
    "sign_in",
    "sign_in_by_passkey",
    "sign_out",
    "stay",
    "take_factors",
]
