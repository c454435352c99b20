"""What is done to tenants, their clinics and their people. The verbs are public here, whichever module holds them."""

from caretide.tenants.actions.agreements import add_agreement, end_agreement, tell_of_endings
from caretide.tenants.actions.clinics import (
    CLINIC_FACT_KINDS,
    ClinicDetails,
    NewClinic,
    NewPractitioner,
    create_clinic,
    record_clinic_fact,
    save_practitioner,
    update_clinic,
)
from caretide.tenants.actions.entry import TokenIssued, WrongCode, accept_invitation, accept_with_passkey, sign_in_to
from caretide.tenants.actions.members import (
    NewMember,
    invite_member,
    invite_to_clinic,
    reinstate_member,
    renew_invitation,
    sign_out_member,
    suspend_member,
    update_member,
)
from caretide.tenants.actions.recoveries import Asked, ask_recovery, confirm_recovery, decline_recovery, record_reset
from caretide.tenants.actions.settings import change_settings
from caretide.tenants.actions.tenants import create_company, create_tenant, join_company, serve_tenant
from caretide.tenants.actions.waivers import end_waiver, waive_duty
from caretide.tenants.endings import StoppedTimer
from caretide.tenants.links import Invited

__all__ = [
    "CLINIC_FACT_KINDS",
    "Asked",
    "ClinicDetails",
    "Invited",
    "NewClinic",
    "NewMember",
    "NewPractitioner",
    "StoppedTimer",
    "TokenIssued",
    "WrongCode",
    "accept_invitation",
    "accept_with_passkey",
    "add_agreement",
    "ask_recovery",
    "change_settings",
    "confirm_recovery",
    "create_clinic",
    "create_company",
    "create_tenant",
    "decline_recovery",
    "end_agreement",
    "end_waiver",
    "invite_member",
    "invite_to_clinic",
    "join_company",
    "record_clinic_fact",
    "record_reset",
    "reinstate_member",
    "renew_invitation",
    "save_practitioner",
    "serve_tenant",
    "sign_in_to",
    "sign_out_member",
    "suspend_member",
    "tell_of_endings",
    "update_clinic",
    "update_member",
    "waive_duty",
]
