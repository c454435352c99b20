"""The samples of the API; addresses begin below /api/v1."""

from typing import Final

from caretide.kernel.permissions import Permission
from tests.access.pages import ANYWHERE, DAY, GIVEN, LISTS, NAMED, SECOND
from tests.access.samples import Sample, asks

P = Permission

_SPAN = {"start": "2026-10-05T11:50:00Z", "end": "2026-10-05T11:55:00Z"}
_TOLD = {**_SPAN, "activity_type": "care_plan", "reason": "The timer was forgotten"}
_STOP = {"end": "2026-10-05T14:00:00Z", "reason": "It ran on"}
_MEMBER = {"email": "somebody-else@example.com", "name": "Somebody Else", "role": "auditor"}
_TOKEN = {"name": "Reports", "days": 30, "scopes": ["patient:read"]}
_CLINIC = {"name": "North", "slug": "north", "time_zone": "America/Denver", "tin_group": "TIN-1"}
_PDF = "JVBERi0xLjcKJSVFT0YK"

PUBLIC: Final[dict[str, Sample]] = {
    "POST /sessions": asks(
        ok=401,
        body={"email": "nobody-{fresh}@example.com", "password": "no such password", "code": "000000"},
        why=ANYWHERE,
    ),
    "POST /invitations/accept": asks(ok=404, body={"token": "no-such-token", "password": "x"}, why=ANYWHERE),
}

ACCOUNT: Final[dict[str, Sample]] = {
    "DELETE /sessions/current": asks(P.SIGN_IN, ok=204),
    "GET /me/sessions": asks(P.SELF_MANAGE),
    "DELETE /me/sessions/{session_id}": asks(P.SELF_MANAGE, ok=204),
    "DELETE /me/sessions": asks(P.SELF_MANAGE, ok=204),
    "GET /me/tokens": asks(P.SELF_MANAGE),
    "POST /me/tokens": asks(P.SELF_MANAGE, ok=201, body=_TOKEN),
    "DELETE /me/tokens/{token_id}": asks(P.SELF_MANAGE, ok=204),
    "GET /me": asks(P.SELF),
    "GET /tenant": asks(P.SELF),
    "GET /company/metrics": asks(P.SELF, P.COMPANY_READ),
    "GET /activities": asks(why="a list of ours"),
    "GET /outcomes": asks(why="a list of ours"),
}

TENANT: Final[dict[str, Sample]] = {
    "GET /clinics": asks(P.CLINIC_READ),
    "POST /clinics": asks(P.CLINIC_WRITE, ok=201, body=_CLINIC),
    "GET /clinics/{clinic_id}": asks(P.CLINIC_READ),
    "PATCH /clinics/{clinic_id}": asks(P.CLINIC_READ, P.CLINIC_WRITE, body={"phone": "555-0101"}),
    "GET /clinics/{clinic_id}/facts": asks(P.CLINIC_READ),
    "POST /clinics/{clinic_id}/facts": asks(
        P.CLINIC_WRITE,
        ok=201,
        body={"kind": "certified-ehr", "value": True, "effective_on": DAY, "checked_on": DAY},
    ),
    "GET /practitioners": asks(P.CLINIC_READ),
    "POST /practitioners": asks(
        P.CLINIC_WRITE, ok=201, body={"npi": "1234567893", "family": "Wu", "given": "Ada", "tin_group": "TIN-1"}
    ),
    "GET /members": asks(P.MEMBER_READ),
    "POST /members": asks(P.MEMBER_WRITE, ok=201, body=_MEMBER),
    "GET /members/{member_id}": asks(P.MEMBER_READ),
    "PATCH /members/{member_id}": asks(P.MEMBER_READ, P.MEMBER_WRITE, body={"name": "Billing Person"}),
    "POST /members/{member_id}/invitation": asks(P.MEMBER_WRITE, ok=201, path={"member_id": "<invited_member>"}),
    "POST /members/{member_id}/suspend": asks(P.MEMBER_WRITE, ok=204),
    "POST /members/{member_id}/sign-out": asks(P.MEMBER_WRITE, ok=204),
    "POST /members/{member_id}/new-way-in": asks(P.MEMBER_WRITE, ok=201, body={"reason": "We spoke"}),
    "GET /admin/recoveries": asks(P.MEMBER_WRITE),
    "POST /admin/recoveries/{recovery_id}/confirm": asks(P.MEMBER_WRITE, ok=409, why=SECOND),
    "POST /admin/recoveries/{recovery_id}/decline": asks(P.MEMBER_WRITE, ok=204),
    "POST /members/{member_id}/reinstate": asks(P.MEMBER_WRITE, ok=204, path={"member_id": "<left_member>"}),
    "GET /admin/users": asks(P.MEMBER_WRITE),
    "POST /admin/users": asks(P.MEMBER_WRITE, ok=201, body=_MEMBER),
    "GET /admin/users/{user_id}": asks(P.MEMBER_WRITE),
    "PUT /admin/users/{user_id}/role": asks(
        P.MEMBER_READ,
        P.MEMBER_WRITE,
        body={"role": "practitioner", "practitioner_id": "<practitioner>"},
        foreign=(409,),
    ),
    "POST /admin/users/{user_id}/suspend": asks(P.MEMBER_WRITE, ok=204),
    "POST /admin/users/{user_id}/reinstate": asks(P.MEMBER_WRITE, ok=204, path={"user_id": "<left_member>"}),
    "GET /admin/agreements": asks(P.TENANT_READ),
    "POST /admin/agreements": asks(
        P.TENANT_WRITE,
        ok=201,
        body={"kind": "company", "party": "Harbor", "file": _PDF, "effective_on": DAY, "company_id": "<company>"},
    ),
    "GET /admin/agreements/{agreement_id}/file": asks(P.TENANT_READ),
    "POST /admin/agreements/{agreement_id}/end": asks(
        P.TENANT_WRITE, ok=204, body={"last_day": "2026-10-31", "reason": "We part"}
    ),
    "GET /admin/tokens": asks(P.MEMBER_WRITE),
    "DELETE /admin/tokens/{token_id}": asks(P.MEMBER_WRITE, ok=204),
    "GET /admin/service-accounts": asks(P.MEMBER_WRITE),
    "POST /admin/service-accounts": asks(P.MEMBER_WRITE, ok=201, body={"name": "Another"}),
    "GET /admin/service-accounts/{service_id}/tokens": asks(P.MEMBER_WRITE),
    "POST /admin/service-accounts/{service_id}/tokens": asks(P.MEMBER_WRITE, ok=201, body=_TOKEN),
    "DELETE /admin/service-accounts/{service_id}": asks(P.MEMBER_WRITE, ok=204),
    "GET /admin/access-endings": asks(P.ENDING_READ, query={"after": "<event>"}, foreign=(200,), why=LISTS),
    "GET /admin/waivers": asks(P.MEMBER_READ),
    "POST /admin/waivers": asks(
        P.TENANT_WRITE,
        ok=201,
        body={
            "member_id": "<administrator>",
            "duty": "approve_own_time",
            "ends_on": "2026-12-31",
            "reason": "We are few",
        },
        foreign=(422,),
    ),
    "POST /admin/waivers/{waiver_id}/end": asks(P.TENANT_WRITE, ok=204),
    "GET /admin/activities": asks(P.TENANT_READ),
    "POST /admin/activities": asks(P.TENANT_WRITE, ok=201, body={"label": "Huddle", "standard": "coordination"}),
    "PATCH /admin/activities/{code}": asks(P.TENANT_WRITE, body={"is_offered": True}),
    "GET /admin/settings": asks(P.TENANT_READ),
    "PATCH /admin/settings": asks(P.TENANT_WRITE, body={"glass_members": ["<coordinator>"]}, foreign=(422,)),
    "POST /imports": asks(P.PATIENT_IMPORT, ok=422, query={"clinic_id": "<clinic>"}, file=b"no FHIR at all"),
    "GET /imports": asks(P.PATIENT_IMPORT),
}

PATIENT: Final[dict[str, Sample]] = {
    "GET /patients": asks(
        P.PATIENT_READ, query={"clinic_id": "<clinic>", "after": "<patient>"}, foreign=(200,), why=LISTS
    ),
    "POST /patients/search": asks(
        P.PATIENT_READ, body={"text": "Whit", "clinic_id": "<clinic>", "after": "<patient>"}, foreign=(200,), why=LISTS
    ),
    "GET /patients/{patient_id}": asks(P.PATIENT_READ),
    "GET /patients/{patient_id}/designation": asks(P.PATIENT_READ),
    "POST /patients/{patient_id}/designation": asks(P.ROSTER_WRITE, body={"member_id": "<coordinator>"}),
    "POST /designations": asks(P.ROSTER_WRITE, body={"member_id": "<coordinator>", "patient_ids": ["<patient>"]}),
    "GET /members/{member_id}/roster": asks(P.MEMBER_READ, P.PATIENT_READ, path={"member_id": "<coordinator>"}),
    "GET /patients/{patient_id}/eligibility": asks(P.PATIENT_READ),
    "GET /patients/{patient_id}/enrollments": asks(P.PATIENT_READ),
    "POST /patients/{patient_id}/enrollments": asks(
        P.ENROLLMENT_WRITE,
        ok=(201, 409),
        body={"program": "PCM", "practitioner_id": "<practitioner>", "started_on": DAY},
    ),
    "GET /enrollments/{enrollment_id}/history": asks(P.PATIENT_READ),
    "POST /enrollments/{enrollment_id}/end": asks(
        P.ENROLLMENT_WRITE, ok=204, body={"ended_on": DAY, "reason": "Moved away"}
    ),
    "POST /enrollments/{enrollment_id}/consents": asks(
        P.ENROLLMENT_WRITE,
        ok=201,
        body={"decision": "revoked", "mode": "verbal", "decided_at": "2026-10-05T12:00:00Z"},
    ),
    "GET /patients/{patient_id}/facts": asks(P.PATIENT_READ),
    "GET /patients/{patient_id}/facts/{month}": asks(P.PATIENT_READ, path={"month": "2026-10"}),
    "POST /patients/{patient_id}/facts/{kind}": asks(
        P.ENROLLMENT_WRITE,
        ok=201,
        body={"value": {"is_high_risk": True, "expected_months": 12}, "effective_on": DAY, "checked_on": DAY},
    ),
    "GET /patients/{patient_id}/attempts": asks(P.PATIENT_READ),
    "POST /patients/{patient_id}/attempts": asks(
        P.TIME_WRITE, ok=201, body={"channel": "phone", "outcome": "reached", "time_entry_id": "<entry>"}
    ),
    "POST /attempts/{attempt_id}/correction": asks(P.TIME_WRITE, ok=201, body={"outcome": "busy"}),
    "GET /call-backs": asks(P.PATIENT_READ),
    "GET /my-day": asks(
        P.PATIENT_READ, query={"clinic": "<clinic>", "coordinator": "<coordinator>"}, foreign=(200,), why=LISTS
    ),
    "GET /patients/{patient_id}/month/{month}": asks(P.MONTH_READ, path={"month": "2026-10"}),
    "GET /patients/{patient_id}/documents": asks(P.DOCUMENT_READ),
    "GET /documents/{document_id}": asks(P.DOCUMENT_READ),
    "GET /documents/{document_id}/content": asks(P.DOCUMENT_READ),
    "GET /patients/{patient_id}/disclosures": asks(P.PATIENT_READ),
    "POST /patients/{patient_id}/disclosures": asks(
        P.DOCUMENT_RELEASE, ok=201, body={**GIVEN, "what": "The plan", "disclosed_on": DAY}
    ),
    "POST /documents/{document_id}/release": asks(P.DOCUMENT_RELEASE, body=GIVEN),
}

_SPANNED = {"first_on": "2026-10-12", "last_on": "2026-10-14"}

ROSTERS: Final[dict[str, Sample]] = {
    "GET /covers": asks(P.TEAM_READ),
    "POST /covers": asks(
        P.ROSTER_WRITE, ok=201, body={"absent_id": "<coordinator>", "cover_id": "<timing_member>", **_SPANNED}
    ),
    "POST /covers/{cover_id}/end": asks(P.ROSTER_WRITE),
    "GET /duties": asks(P.MEMBER_READ),
    "POST /duties": asks(
        P.ROSTER_WRITE, ok=201, body={"clinic_id": "<clinic>", "member_id": "<coordinator>", **_SPANNED}
    ),
    "POST /duties/{duty_id}/end": asks(P.ROSTER_WRITE, ok=204),
    "GET /clinics/{clinic_id}/duty": asks(P.MEMBER_READ),
    "POST /emergency/search": asks(P.GLASS_USE, body={"number": "M001"}, by_name=True),
    "POST /emergency": asks(
        P.GLASS_USE,
        ok=201,
        body={"patient_id": "<patient>", "category": "urgent", "reason": "She is being admitted"},
        foreign=(403,),
        by_name=True,
        why=NAMED,
    ),
    "GET /emergency": asks(P.SELF),
    "POST /emergency/{opening_id}/end": asks(P.PATIENT_READ, ok=404, why="none was opened"),
    "GET /emergency/uses": asks(P.GLASS_READ),
    "POST /emergency/{opening_id}/review": asks(
        P.GLASS_REVIEW, ok=404, body={"verdict": "appropriate"}, foreign=(422,), why="none was opened"
    ),
}

TIME: Final[dict[str, Sample]] = {
    "GET /timer": asks(P.TIME_READ),
    "POST /timer/start": asks(
        P.TIME_WRITE,
        ok=201,
        body={"patient_id": "<patient>", "enrollment_id": "<enrollment>", "activity_type": "care_plan"},
    ),
    "POST /timer/stop": asks(P.TIME_WRITE, ok=404, body={"note": "Words"}, why="none runs"),
    "POST /timer/alive": asks(P.TIME_WRITE, ok=(204, 404, 409), body={"quiet_for": 0}, why="none runs"),
    "POST /timer/answer": asks(
        P.TIME_WRITE,
        ok=(200, 404, 409),
        body={"timer": "<timer>", "answer": "keep", "quiet_for": 0},
        foreign=(409,),
        why="only one's own timer can be answered for",
    ),
    "GET /clinics/{clinic_id}/timers": asks(P.CLINIC_READ, P.TIME_READ),
    "POST /members/{member_id}/timer/stop": asks(P.ROSTER_WRITE, path={"member_id": "<timing_member>"}, body=_STOP),
    "GET /patients/{patient_id}/entries": asks(P.PATIENT_READ, P.TIME_READ, query={"month": "2026-10"}),
    "POST /entries/{entry_id}/void": asks(P.TIME_VOID, ok=204, body={"reason": "A mistake"}),
    "POST /entries/manual": asks(
        P.TIME_WRITE, ok=201, body={"patient_id": "<patient>", "enrollment_id": "<enrollment>", **_TOLD}
    ),
    "POST /entries/{entry_id}/correct": asks(P.TIME_VOID, ok=201, body=_TOLD),
    "POST /entries/{entry_id}/approve": asks(P.TIME_APPROVE, ok=204, path={"entry_id": "<told>"}),
    "POST /entries/{entry_id}/refuse": asks(
        P.TIME_APPROVE, ok=204, path={"entry_id": "<told>"}, body={"reason": "Not so"}
    ),
    "GET /approvals": asks(P.TIME_APPROVE),
    "GET /manager/team-metrics": asks(P.TEAM_READ),
    "GET /months/{month}": asks(P.MONTH_READ),
    "GET /months/{month}/clinics/{clinic_id}/rulings": asks(P.CLINIC_READ, P.MONTH_READ),
    "POST /months/{month}/close": asks(P.MONTH_CLOSE, ok=202, body={"clinics": ["<clinic>"]}),
    "GET /audit/events": asks(
        P.AUDIT_READ, query={"member": "<coordinator>", "patient": "<patient>"}, foreign=(200,), why=LISTS
    ),
    "GET /audit/events/{event_id}": asks(P.AUDIT_READ),
    "GET /audit/scope": asks(
        P.AUDIT_READ,
        query={"since": "2026-10-01T00:00:00Z", "until": "2026-10-06T00:00:00Z", "actor": "<coordinator>"},
        foreign=(200,),
        why=LISTS,
    ),
    "GET /patients/{patient_id}/tries": asks(P.AUDIT_READ),
    "GET /patients/{patient_id}/viewers": asks(P.AUDIT_READ),
}

PROGRAMS: Final[dict[str, Sample]] = {**PUBLIC, **ACCOUNT, **TENANT, **PATIENT, **ROSTERS, **TIME}
