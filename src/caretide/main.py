"""The application: the only place that knows every feature."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import PydanticSerializationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from caretide.audit import api as audit_api
from caretide.audit import pages as audit_pages
from caretide.billing import api as billing_api
from caretide.billing import pages as billing_pages
from caretide.disclosures import api as disclosures_api
from caretide.disclosures import pages as disclosures_pages
from caretide.documents import api as documents_api
from caretide.documents import pages as documents_pages
from caretide.ehr import api as ehr_api
from caretide.ehr import pages as ehr_pages
from caretide.enrollment import api as enrollment_api
from caretide.identity import api as identity_api
from caretide.identity import pages as identity_pages
from caretide.identity.opening import CONFIRM
from caretide.kernel.actor import Actor
from caretide.kernel.errors import (
    CaretideError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from caretide.kernel.fields import fields_of
from caretide.kernel.permissions import Permission
from caretide.outreach import api as outreach_api
from caretide.outreach import pages as outreach_pages
from caretide.patients import api as patients_api
from caretide.reports import api as reports_api
from caretide.reports.pages import administration as administration_pages
from caretide.reports.pages import agreements as agreement_pages
from caretide.reports.pages import company as company_pages
from caretide.reports.pages import people as people_pages
from caretide.reports.pages import settings as settings_pages
from caretide.reports.pages import team as team_pages
from caretide.rosters import api as rosters_api
from caretide.rosters import pages as rosters_pages
from caretide.runtime.access import Denied
from caretide.runtime.gate import AccessGate, Site
from caretide.runtime.installation import Installation
from caretide.runtime.limits import Limiter, limits
from caretide.runtime.log import log
from caretide.runtime.web import Door, Known, decide, decided, origin_of
from caretide.settings import Settings
from caretide.tenants import api as tenants_api
from caretide.tenants import pages as tenants_pages
from caretide.tenants.queries import actor_behind, bearer_behind, entrant_behind
from caretide.time_log import api as time_log_api
from caretide.time_log import pages as time_log_pages
from caretide.ui import pages as ui_pages
from caretide.ui.assets import check_assets
from caretide.ui.environment import STATIC, make_environment
from caretide.ui.respond import ask_for, error_page, redirect
from caretide.ui.shell import TITLES, ErrorPage
from caretide.workspace import api as workspace_api
from caretide.workspace import pages as workspace_pages
from caretide.workspace.queries.shell import make_shell

STATUS: Final[tuple[tuple[type[CaretideError], int], ...]] = (
    (Invalid, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooMany, 429),
    (Unavailable, 503),
)

PAGES: Final = (
    identity_pages.public,
    identity_pages.entering,
    identity_pages.enrolling,
    identity_pages.with_passkey,
    identity_pages.router,
    identity_pages.tokens,
    tenants_pages.public,
    tenants_pages.way,
    tenants_pages.returning,
    tenants_pages.entering,
    tenants_pages.router,
    tenants_pages.sign_on,
    ehr_pages.router,
    administration_pages.router,
    people_pages.router,
    company_pages.router,
    agreement_pages.router,
    settings_pages.router,
    time_log_pages.router,
    workspace_pages.router,
    outreach_pages.router,
    rosters_pages.router,
    team_pages.router,
    billing_pages.router,
    documents_pages.router,
    disclosures_pages.router,
    audit_pages.router,
)
API: Final = (
    identity_api.router,
    tenants_api.public,
    tenants_api.router,
    patients_api.router,
    ehr_api.router,
    rosters_api.router,
    enrollment_api.router,
    time_log_api.router,
    outreach_api.router,
    reports_api.router,
    workspace_api.router,
    billing_api.router,
    documents_api.router,
    disclosures_api.router,
    audit_api.router,
)
FEATURES_WITH_TEMPLATES: Final = (
    "ehr",
    "identity",
    "tenants",
    "time_log",
    "outreach",
    "rosters",
    "reports",
    "workspace",
    "billing",
    "disclosures",
    "audit",
)


def create_app(installation: Installation) -> ASGIApp:
    """Wire the two sub-applications, pages and API, behind one gate."""
    check_assets()
    door = Door()
    limiter = Limiter(installation.database, limits(installation.settings.requests_per_minute))
    root = Starlette(
        routes=[
            Route("/healthz", decided(PlainTextResponse("ok"), Known.PUBLIC)),
            Route("/readyz", decided(_readiness(installation), Known.PUBLIC)),
            Mount("/static", decided(StaticFiles(directory=STATIC), "static")),
            Mount("/api/v1", _api(installation, door, limiter)),
            Mount("/", _pages(installation, door, limiter)),
        ]
    )
    return AccessGate(root, site_of(installation.settings))


def site_of(settings: Settings) -> Site:
    """Return where this installation is reached."""
    return Site.of(settings.base_url, settings.mode, settings.proxies)


def _sub_application(installation: Installation, title: str, routers: Sequence[APIRouter]) -> FastAPI:
    app = FastAPI(title=title, version="1", docs_url=None, redoc_url=None, openapi_url=None)
    secure = installation.settings.secure_cookies
    app.state.database = installation.database
    app.state.find_actor = actor_behind
    app.state.find_entrant = entrant_behind
    app.state.find_bearer = bearer_behind
    app.state.mode = installation.settings.mode
    app.state.session_cookie = "__Host-caretide_session" if secure else "caretide_session"
    app.state.base_url = installation.settings.base_url
    app.state.has_forms = False
    for router in routers:
        app.include_router(router)
    return app


def _pages(installation: Installation, door: Door, limiter: Limiter) -> FastAPI:
    in_development = (ui_pages.development,) if installation.settings.mode == "development" else ()
    app = _sub_application(installation, "Caretide", (*PAGES, *in_development))
    app.state.door, app.state.limiter = door, limiter
    here = Path(__file__).parent
    app.state.templates = make_environment(here / feature / "templates" for feature in FEATURES_WITH_TEMPLATES)
    app.state.shell = make_shell
    app.state.patient_page = workspace_pages.refused
    app.state.has_forms = True
    app.add_exception_handler(CaretideError, _page_for_error)
    app.add_exception_handler(RequestValidationError, _page_for_bad_request)
    app.add_exception_handler(HTTPException, _page_for_http)
    app.add_exception_handler(Exception, _page_for_fault)
    return app


def _api(installation: Installation, door: Door, limiter: Limiter) -> FastAPI:
    app = _sub_application(installation, "Caretide API", API)
    app.state.door, app.state.limiter = door, limiter
    app.add_exception_handler(CaretideError, _problem_for_error)
    app.add_exception_handler(RequestValidationError, _problem_for_bad_request)
    app.add_exception_handler(HTTPException, _problem_for_http)
    app.add_exception_handler(PydanticSerializationError, _problem_for_text)
    app.add_exception_handler(Exception, _problem_for_fault)

    async def openapi(request: Request) -> Response:
        decide(request.scope, Known.PUBLIC)
        schema = app.openapi()
        schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}]
        return JSONResponse(schema)

    app.add_route("/openapi.json", openapi, methods=["GET"])
    return app


def answers() -> list[tuple[str, list[tuple[str, Permission | None]]]]:
    """Return every route of the API with the fields of its answer, and what permission opens a field, if one does."""
    return [
        (f"{min(route.methods or ())} {route.path}", fields_of(route.response_field.field_info.annotation))
        for router in API
        for route in router.routes
        if isinstance(route, APIRoute) and route.response_field is not None
    ]


def status_of(error: CaretideError) -> int:
    """Return the HTTP status of a kind of error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def _shown(request: Request, status: int, message: str, permission: str = "") -> Response:
    # Whoever may see nothing may see that there is nothing: errors need no further decision.
    decide(request.scope, "error")
    title = TITLES.get(status, "That did not work")
    return error_page(request, ErrorPage(status=status, title=title, message=message, permission=permission))


def _page_for_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CaretideError)  # noqa: S101 - registered for this kind only
    if isinstance(error, Unauthenticated) and request.url.path != error.at:
        decide(request.scope, "error")
        return ask_for(request, error.at)
    if isinstance(error, Forbidden) and _chose_no_tenant(request) and request.url.path != "/tenants":
        decide(request.scope, "error")
        return redirect(request, "/tenants")
    permission = error.permission if isinstance(error, Denied) else ""
    shown = _shown(request, status_of(error), error.message, permission)
    if isinstance(error, TooMany):
        shown.headers["retry-after"] = str(error.seconds)
    return shown


def _chose_no_tenant(request: Request) -> bool:
    actor: Actor | None = getattr(request.state, "actor", None)
    return actor is not None and actor.tenant_id is None


def _page_for_bad_request(request: Request, error: Exception) -> Response:
    del error  # its text quotes the input, which may be health data
    return _shown(request, 422, "Part of the address or the form could not be read.")


def _page_for_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this kind only
    return _shown(request, error.status_code, "There is no such page." if error.status_code == 404 else error.detail)


def _page_for_fault(request: Request, error: Exception) -> Response:
    _log_fault(request, error)
    return _shown(request, 500, "The fault was noted. Nothing of what you did last was half saved.")


def _problem(request: Request, status: int, detail: str, **more: object) -> Response:
    """Answer by RFC 9457."""
    decide(request.scope, "error")
    body = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": detail, **more}
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _problem_for_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CaretideError)  # noqa: S101 - registered for this kind only
    more: dict[str, object] = {}
    if isinstance(error, Denied):
        more["permission"] = error.permission
    if isinstance(error, Invalid) and error.field:
        more["field"] = error.field
    status = status_of(error)
    if isinstance(error, Unauthenticated) and error.at == CONFIRM:
        # Known, but not lately enough for this.
        status, more["type"] = 403, "step-up-required"
    answer = _problem(request, status, error.message, **more)
    if isinstance(error, TooMany):
        answer.headers["retry-after"] = str(error.seconds)
    return answer


def _problem_for_bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this kind only
    # Places and reasons, never the input itself: it may be health data.
    faults = [{"field": ".".join(str(part) for part in e["loc"]), "reason": e["msg"]} for e in error.errors()]
    return _problem(request, 422, "The request does not fit; see `errors`", errors=faults)


def _problem_for_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this kind only
    return _problem(request, error.status_code, error.detail)


def _problem_for_text(request: Request, error: Exception) -> Response:
    del error  # half of a surrogate pair: text that no JSON document can hold
    return _problem(request, 422, "The text holds a character that cannot be stored")


def _problem_for_fault(request: Request, error: Exception) -> Response:
    _log_fault(request, error)
    return _problem(request, 500, "Something broke on our side; it was noted, and nothing was half saved")


def _log_fault(request: Request, error: Exception) -> None:
    # The kind of fault, where it happened and on which route; its message and the address could quote data.
    log.error("a fault in a route", exc_info=error, route=origin_of(request).route)


def _readiness(installation: Installation) -> ASGIApp:
    """Answer 200 while the database answers, 503 with the reason while it does not."""

    async def ready(scope: Scope, receive: Receive, send: Send) -> None:
        response = PlainTextResponse("ready")
        try:
            await installation.database.ping()
        except CaretideError as error:
            response = PlainTextResponse(error.message, 503)
        await response(scope, receive, send)

    return ready
