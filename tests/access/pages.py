"""The samples of the pages."""

from typing import Final

from caretide.kernel.permissions import Permission
from tests.access.samples import Sample, asks

P = Permission

DAY: Final = "2026-10-05"
"""The day on which the houses stand."""
_TOLD = {"day": DAY, "start": "06:50", "end": "06:55", "activity": "care_plan", "reason": "The timer was forgotten"}
_STOP = {"day": DAY, "end": "09:00", "reason": "It ran on"}
_FACT = {"effective_on": DAY, "checked_on": DAY, "is_high_risk": "yes", "expected_months": "12"}
GIVEN = {"recipient": "Dr. Ames", "purpose": "Referral", "basis": "treatment"}
_TOKEN = {"name": "Reports", "days": "30", "scopes": "patient:read"}
_PROVIDER = {"name": "Entra", "issuer": "https://login.example.com/x", "client_id": "caretide", "client_password": "s"}
_PHRASE = "five rather unlikely words"
PHRASE = "the words that were theirs before"
_PERSON = {"name": "Somebody Else", "role": "auditor"}
LISTS = "narrows a list: for an id that is nobody's here the list is empty"
_OWN = "one's own account: nothing of a tenant is behind it"
SECOND: Final = "another administrator than the one who asked: tests/tenants/test_recoveries.py has two"
ANYWHERE = "asks who it is; what it does beyond that has tests of its own in tests/identity"

PUBLIC: Final[dict[str, Sample]] = {
    "GET /sign-in": asks(why=ANYWHERE),
    "POST /sign-in": asks(
        ok=401, form={"email": "nobody-{fresh}@example.com", "password": "no such password"}, why=ANYWHERE
    ),
    "POST /sign-in/passkey-question": asks(form={}, why=ANYWHERE),
    "POST /sign-in/passkey": asks(ok=401, form={"answer": "{}"}, why=ANYWHERE),
    "GET /invitations/{token}": asks(ok=404, why=ANYWHERE),
    "POST /invitations/{token}": asks(ok=404, form={"password": "x"}, why=ANYWHERE),
    "POST /invitations/{token}/passkey-offer": asks(ok=404, form={}, why=ANYWHERE),
    "POST /invitations/{token}/passkey": asks(ok=404, form={"answer": "{}"}, why=ANYWHERE),
    "GET /sign-in/sso": asks(why=ANYWHERE),
    "GET /sign-in/sso/return/{owner}": asks(ok=401, why=ANYWHERE),
    "POST /invitations/{token}/sso": asks(ok=404, form={"whose": "tenant"}, why=ANYWHERE),
}

PENDING: Final[dict[str, Sample]] = {
    "GET /sign-in/second": asks(ok=(200, 303), why=_OWN),
    "POST /sign-in/second": asks(ok=(303, 401), form={"code": "000000"}, why=_OWN),
    "POST /sign-in/own-passkey-question": asks(ok=(200, 409), form={}, why=_OWN),
    "POST /sign-in/own-passkey": asks(ok=(303, 401, 409), form={"answer": "{}"}, why=_OWN),
    "GET /sign-in/again": asks(ok=(200, 303), why=_OWN),
    "POST /sign-in/again": asks(ok=(303, 401), form={"password": "wrong"}, why=_OWN),
    "GET /sign-in/again/sso": asks(ok=(303, 404), why=_OWN),
    "GET /sign-in/with-passkey": asks(ok=(200, 303), why=_OWN),
    "POST /sign-in/with-passkey": asks(ok=(303, 401), form={"password": "wrong", "code": "000000"}, why=_OWN),
    "POST /sign-in/elsewhere": asks(ok=303, form={}, why=_OWN),
    "POST /sign-out": asks(ok=303, form={}, why=_OWN),
    "GET /welcome/factor": asks(why=_OWN),
    "POST /welcome/app": asks(P.SIGN_IN, ok=(200, 401), form={}, why=_OWN),
    "POST /welcome/totp": asks(P.SIGN_IN, ok=(303, 422), form={"code": "000000"}, why=_OWN),
    "POST /welcome/passkey-offer": asks(P.SIGN_IN, form={}, why=_OWN),
    "POST /welcome/passkey": asks(P.SIGN_IN, ok=(303, 422), form={"answer": "{}"}, why=_OWN),
    "GET /welcome/codes": asks(ok=(200, 303), why=_OWN),
    "POST /welcome/codes": asks(P.SIGN_IN, form={}, why=_OWN),
}

ACCOUNT: Final[dict[str, Sample]] = {
    "GET /": asks(ok=303, why=_OWN),
    "GET /me": asks(P.SELF),
    "POST /me/password": asks(
        P.SIGN_IN,
        ok=303,
        form={"current": PHRASE, "password": _PHRASE, "password_again": _PHRASE},
    ),
    "POST /me/passkeys/{passkey_id}": asks(P.SIGN_IN, ok=303, form={"name": "Desk"}),
    "POST /me/passkeys/{passkey_id}/remove": asks(P.SIGN_IN, ok=(303, 422), form={}, foreign=(422,)),
    "POST /me/totp/remove": asks(P.SIGN_IN, ok=(303, 422), form={}),
    "POST /me/sessions/{session_id}/end": asks(P.SELF_MANAGE, ok=303, form={}),
    "POST /me/sessions/end-others": asks(P.SELF_MANAGE, ok=303, form={}),
    "POST /me/stay": asks(P.SIGN_IN, ok=204, form={}),
    "GET /me/confirm": asks(P.SELF),
    "POST /me/confirm": asks(P.SELF, ok=(401, 422), form={"password": "wrong", "code": "000000"}),
    "GET /tenants": asks(P.SELF),
    "POST /tenants": asks(P.SELF, ok=303, form={"tenant_id": "<tenant>"}),
    "GET /me/tokens": asks(P.SELF_MANAGE),
    "POST /me/tokens": asks(P.SELF_MANAGE, form=_TOKEN),
    "POST /me/tokens/{token_id}/revoke": asks(P.SELF_MANAGE, ok=303, form={}),
    "GET /me/sign-on": asks(P.SELF_MANAGE),
    "POST /me/sign-on": asks(P.SELF_MANAGE, ok=404, form={"whose": "tenant"}, why="no provider is known here"),
    "POST /me/sign-on/remove": asks(P.SELF_MANAGE, ok=404, form={"issuer": "https://nobody.example"}, why="none"),
    "GET /company/sign-on": asks(P.SELF_MANAGE, P.COMPANY_WRITE),
    "POST /company/sign-on": asks(P.SELF_MANAGE, P.COMPANY_WRITE, ok=(303, 422), form=_PROVIDER),
    "POST /company/sign-on/off": asks(P.SELF_MANAGE, P.COMPANY_WRITE, ok=(303, 404), form={}),
    "GET /company": asks(P.SELF, P.COMPANY_READ),
    "GET /_components": asks(P.SELF, why="the gallery of the pieces, where the application is developed"),
}

TENANT: Final[dict[str, Sample]] = {
    "GET /clinics": asks(P.CLINIC_WRITE),
    "POST /clinics": asks(
        P.CLINIC_WRITE,
        ok=303,
        form={"name": "North", "slug": "north", "time_zone": "America/Denver", "tin_group": "TIN-1"},
    ),
    "GET /clinics/{clinic_id}": asks(P.CLINIC_WRITE),
    "POST /clinics/{clinic_id}": asks(
        P.CLINIC_WRITE, ok=303, form={"name": "Lakeside Clinic", "time_zone": "America/Chicago", "phone": "555-0101"}
    ),
    "POST /clinics/{clinic_id}/facts/{kind}": asks(
        P.CLINIC_WRITE,
        ok=303,
        path={"kind": "certified-ehr"},
        form={"value": "yes", "effective_on": DAY, "checked_on": DAY},
    ),
    "GET /practitioners": asks(P.CLINIC_WRITE),
    "POST /practitioners": asks(
        P.CLINIC_WRITE,
        ok=303,
        form={"given": "Ada", "family": "Wu", "npi": "1234567893", "kind": "physician", "tin_group": "TIN-1"},
    ),
    "POST /members/invite": asks(
        P.MEMBER_WRITE, form={"clinic_id": "<clinic>", "email": "somebody-else@example.com", **_PERSON}
    ),
    "GET /admin/imports": asks(P.PATIENT_IMPORT),
    "POST /admin/imports": asks(
        P.PATIENT_IMPORT, ok=422, form={"clinic_id": "<clinic>", "source": "east"}, file=b"no FHIR at all"
    ),
    "GET /admin": asks(P.TENANT_WRITE),
    "GET /admin/people": asks(P.MEMBER_WRITE),
    "POST /admin/people": asks(P.MEMBER_WRITE, form={"email": "somebody-else@example.com", **_PERSON}),
    "GET /admin/people/{member_id}": asks(P.MEMBER_WRITE),
    "POST /admin/people/{member_id}": asks(
        P.MEMBER_WRITE, ok=303, form={"name": "Billing Person", "role": "billing", "practitioner_id": ""}
    ),
    "POST /admin/people/{member_id}/invitation": asks(P.MEMBER_WRITE, path={"member_id": "<invited_member>"}, form={}),
    "POST /admin/people/{member_id}/sign-out": asks(P.MEMBER_WRITE, ok=303, form={}),
    "POST /admin/people/{member_id}/new-way-in": asks(P.MEMBER_WRITE, form={"reason": "We spoke"}),
    "POST /admin/recoveries/{recovery_id}/confirm": asks(P.MEMBER_WRITE, ok=422, form={}, why=SECOND),
    "POST /admin/recoveries/{recovery_id}/decline": asks(P.MEMBER_WRITE, ok=303, form={}),
    "GET /admin/people/{member_id}/suspend": asks(P.MEMBER_WRITE),
    "POST /admin/people/{member_id}/suspend": asks(P.MEMBER_WRITE, ok=303, form={}),
    "POST /admin/people/{member_id}/reinstate": asks(
        P.MEMBER_WRITE, ok=303, path={"member_id": "<left_member>"}, form={}
    ),
    "GET /admin/people/{member_id}/stop-timer": asks(P.ROSTER_WRITE, path={"member_id": "<timing_member>"}),
    "POST /admin/people/{member_id}/stop-timer": asks(
        P.ROSTER_WRITE, ok=303, path={"member_id": "<timing_member>"}, form=_STOP
    ),
    "GET /admin/agreements": asks(P.TENANT_READ),
    "POST /admin/agreements": asks(
        P.TENANT_WRITE,
        ok=303,
        form={"kind": "company", "party": "Harbor", "effective_on": DAY, "company_id": "<company>"},
        file=b"%PDF-1.7\n%%EOF\n",
    ),
    "GET /admin/agreements/{agreement_id}/file": asks(P.TENANT_READ),
    "POST /admin/agreements/{agreement_id}/end": asks(
        P.TENANT_WRITE, ok=303, form={"last_day": "2026-10-31", "reason": "We part"}
    ),
    "GET /admin/tokens": asks(P.MEMBER_WRITE),
    "POST /admin/tokens/{token_id}/revoke": asks(P.MEMBER_WRITE, ok=303, form={}),
    "POST /admin/service-accounts": asks(P.MEMBER_WRITE, ok=303, form={"name": "Another"}),
    "GET /admin/service-accounts/{service_id}": asks(P.MEMBER_WRITE),
    "POST /admin/service-accounts/{service_id}/tokens": asks(P.MEMBER_WRITE, form=_TOKEN),
    "POST /admin/service-accounts/{service_id}/end": asks(P.MEMBER_WRITE, ok=303, form={}),
    "GET /admin/sign-on": asks(P.TENANT_WRITE),
    "POST /admin/sign-on": asks(P.TENANT_WRITE, ok=(303, 422), form=_PROVIDER),
    "POST /admin/sign-on/off": asks(P.TENANT_WRITE, ok=(303, 404), form={}),
    "GET /admin/waivers": asks(P.TENANT_WRITE),
    "POST /admin/waivers": asks(
        P.TENANT_WRITE,
        ok=303,
        form={
            "member_id": "<administrator>",
            "duty": "approve_own_time",
            "ends_on": "2026-12-31",
            "reason": "We are few",
        },
        foreign=(422,),
    ),
    "POST /admin/waivers/{waiver_id}/end": asks(P.TENANT_WRITE, ok=303, form={}),
    "GET /admin/activities": asks(P.TENANT_WRITE),
    "POST /admin/activities": asks(P.TENANT_WRITE, ok=303, form={"label": "Huddle", "standard": "coordination"}),
    "POST /admin/activities/{code}": asks(P.TENANT_WRITE, ok=303, form={"label": "Education", "is_offered": "yes"}),
    "GET /admin/settings": asks(P.TENANT_WRITE),
    "POST /admin/settings": asks(
        P.TENANT_WRITE,
        ok=303,
        form={"administrators_see_health": "yes", "idle_minutes": "20", "glass_members": "<coordinator>"},
        foreign=(422,),
    ),
}

NAMED: Final = "whoever was not named is refused before anybody is looked for"
_GLASS = {"category": "urgent", "reason": "She is being admitted"}
_SPAN = {"first_on": "2026-10-12", "last_on": "2026-10-14"}

ROSTERS: Final[dict[str, Sample]] = {
    "GET /cover": asks(P.TEAM_READ, query={"absent": "<coordinator>"}, foreign=(200,), why=LISTS),
    "POST /cover": asks(
        P.ROSTER_WRITE, ok=303, form={"absent_id": "<coordinator>", "cover_id": "<timing_member>", **_SPAN}
    ),
    "POST /cover/{cover_id}/end": asks(P.ROSTER_WRITE, ok=303, form={}),
    "GET /duty": asks(P.MEMBER_READ),
    "POST /duty": asks(
        P.ROSTER_WRITE,
        ok=303,
        form={"clinic_id": "<clinic>", "member_id": "<coordinator>", **_SPAN, "begins": "08:00", "until": "12:00"},
    ),
    "POST /duty/{duty_id}/end": asks(P.ROSTER_WRITE, ok=303, form={}),
    "GET /emergency": asks(P.GLASS_USE, by_name=True),
    "POST /emergency/search": asks(P.GLASS_USE, form={"number": "M001"}, by_name=True),
    "GET /emergency/reviews": asks(P.GLASS_READ),
    "POST /emergency/reviews/{opening_id}": asks(
        P.GLASS_REVIEW, ok=404, form={"verdict": "appropriate", "note": ""}, foreign=(422,), why="none was opened"
    ),
    "POST /emergency/openings/{opening_id}/end": asks(P.PATIENT_READ, ok=404, form={}, why="none was opened"),
    "GET /emergency/{patient_id}": asks(P.GLASS_USE, foreign=(403,), by_name=True, why=NAMED),
    "POST /emergency/{patient_id}": asks(P.GLASS_USE, ok=303, form=_GLASS, foreign=(403,), by_name=True, why=NAMED),
}

WORK: Final[dict[str, Sample]] = {
    "POST /timer/alive": asks(P.TIME_WRITE, ok=(204, 404, 409), form={"quiet_for": "0"}, why="none runs"),
    "POST /timer/answer": asks(
        P.TIME_WRITE,
        ok=(303, 404),
        form={"timer": "<timer>", "answer": "keep", "quiet_for": "0"},
        foreign=(303,),
        why="only one's own timer can be answered for",
    ),
    "GET /approvals": asks(P.TIME_APPROVE),
    "POST /approvals": asks(P.TIME_APPROVE, ok=303, form={"decision": "approve", "entry": "<told>"}),
    "GET /my-day": asks(
        P.PATIENT_READ, query={"clinic": "<clinic>", "coordinator": "<coordinator>"}, foreign=(200,), why=LISTS
    ),
    "POST /my-day/search": asks(P.PATIENT_READ, form={"q": "Whit"}),
    "GET /my-day/queue": asks(P.PATIENT_READ),
    "POST /patients/find": asks(P.PATIENT_READ, form={"q": "Whit"}),
    "GET /patients/{patient_id}": asks(P.PATIENT_READ),
    "GET /patients/{patient_id}/timer": asks(P.PATIENT_READ),
    "POST /patients/{patient_id}/timer/start": asks(
        P.TIME_WRITE, ok=303, form={"program": "CCM", "activity": "care_plan"}
    ),
    "POST /patients/{patient_id}/timer/draft": asks(
        P.TIME_WRITE,
        ok=409,
        form={"timer": "<timer>", "note": "Words"},
        foreign=(409,),
        why="a draft belongs to one's own timer, which knows whose it is",
    ),
    "POST /patients/{patient_id}/timer/stop": asks(P.TIME_WRITE, ok=422, form={"note": "Words"}, why="none runs"),
    "POST /patients/{patient_id}/entries/{entry_id}/void": asks(P.TIME_VOID, ok=303, form={"reason": "A mistake"}),
    "POST /patients/{patient_id}/entries": asks(P.TIME_WRITE, ok=303, form={"program": "CCM", **_TOLD}),
    "POST /patients/{patient_id}/entries/{entry_id}/correct": asks(P.TIME_VOID, ok=303, form=_TOLD),
    "POST /patients/{patient_id}/enroll": asks(
        P.ENROLLMENT_WRITE,
        ok=(303, 422),
        form={"program": "PCM", "practitioner_id": "<practitioner>", "effective_on": DAY},
    ),
    "POST /patients/{patient_id}/consent": asks(
        P.ENROLLMENT_WRITE,
        ok=(303, 422),
        form={"enrollment_id": "<enrollment>", "answer": "accepted", "mode": "verbal", "obtained_on": DAY},
    ),
    "POST /patients/{patient_id}/consent/revoke": asks(
        P.ENROLLMENT_WRITE, ok=303, form={"enrollment_id": "<enrollment>", "revoked_on": DAY}
    ),
    "POST /patients/{patient_id}/facts/{kind}": asks(P.ENROLLMENT_WRITE, ok=303, form=_FACT),
    "POST /patients/{patient_id}/designate": asks(P.ROSTER_WRITE, ok=303, form={"member_id": "<coordinator>"}),
    "GET /patients/{patient_id}/attempts": asks(P.PATIENT_READ),
    "POST /patients/{patient_id}/attempts": asks(P.TIME_WRITE, ok=303, form={"channel": "phone", "outcome": "busy"}),
    "POST /patients/{patient_id}/attempts/{attempt_id}/correct": asks(P.TIME_WRITE, ok=303, form={"outcome": "busy"}),
    "GET /team": asks(P.TEAM_READ),
    "GET /team/patients": asks(P.TEAM_READ),
    "GET /team/unassigned": asks(P.TEAM_READ),
    "POST /team/unassigned": asks(
        P.ROSTER_WRITE, ok=303, form={"patient_id": "<patient>", "member_id": "<coordinator>"}
    ),
    "GET /team/timers/{member_id}/stop": asks(P.ROSTER_WRITE, path={"member_id": "<timing_member>"}),
    "POST /team/timers/{member_id}/stop": asks(
        P.ROSTER_WRITE, ok=303, path={"member_id": "<timing_member>"}, form=_STOP
    ),
    "GET /team/{member_id}": asks(P.TEAM_READ, path={"member_id": "<coordinator>"}),
    "GET /months": asks(
        P.MONTH_READ,
        ok=303,
        query={"clinic": "<clinic>", "coordinator": "<coordinator>"},
        foreign=(303,),
        why="leads on to the month's page, where an id that is unknown finds nothing",
    ),
    "GET /months/{month}": asks(
        P.MONTH_READ, query={"clinic": "<clinic>", "coordinator": "<coordinator>"}, foreign=(200,), why=LISTS
    ),
    "GET /months/{month}/close": asks(P.MONTH_READ, query={"clinic": "<clinic>"}),
    "POST /months/{month}/close": asks(P.MONTH_CLOSE, ok=303, form={"clinic": "<clinic>"}),
    "GET /months/{month}/progress": asks(P.MONTH_READ, ok=(200, 204), query={"clinic": "<clinic>"}),
    "GET /documents/{document_id}": asks(P.DOCUMENT_READ),
    "GET /patients/{patient_id}/disclosures": asks(P.PATIENT_READ),
    "POST /patients/{patient_id}/disclosures": asks(
        P.DOCUMENT_RELEASE, ok=303, form={**GIVEN, "what": "The plan", "disclosed_on": DAY}
    ),
    "GET /patients/{patient_id}/disclosures.csv": asks(P.PATIENT_READ),
    "GET /patients/{patient_id}/accounting.csv": asks(P.PATIENT_READ),
    "GET /documents/{document_id}/release": asks(P.DOCUMENT_RELEASE),
    "POST /documents/{document_id}/release": asks(P.DOCUMENT_RELEASE, form=GIVEN),
    "GET /audit": asks(
        P.AUDIT_READ,
        query={"member": "<coordinator>", "account": "<account>", "patient": "<patient>"},
        foreign=(200,),
        why=LISTS,
    ),
    "GET /audit.csv": asks(P.AUDIT_READ, query={"patient": "<patient>"}, foreign=(200,), why=LISTS),
    "GET /audit/{event_id}": asks(P.AUDIT_READ),
    "GET /patients/{patient_id}/audit": asks(
        P.AUDIT_READ, query={"member": "<coordinator>"}, foreign=(200,), why=LISTS
    ),
    "GET /patients/{patient_id}/audit.csv": asks(P.AUDIT_READ),
}

PAGES: Final[dict[str, Sample]] = {**PUBLIC, **PENDING, **ACCOUNT, **TENANT, **ROSTERS, **WORK}
