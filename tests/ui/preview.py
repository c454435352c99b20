"""Serve every page with sample data and the real content policy: `.venv/bin/python -m tests.ui.preview [PORT]`."""

import mimetypes
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from caretide.kernel.errors import Invalid
from caretide.ui.environment import STATIC, make_environment
from caretide.ui.forms import FormState
from caretide.ui.gallery import Gallery
from caretide.ui.shell import TITLES, ErrorPage, Shell
from tests.ui import sample_months as months
from tests.ui import sample_patients as patients
from tests.ui import samples as s

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = STATIC.parent.parent
FEATURES = ("identity", "tenants", "workspace", "billing")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def views() -> dict[str, tuple[str, Shell, Any, FormState]]:
    """Return page name -> template, shell, view model, form state."""
    patient, plain = patients.patient(), FormState()
    monthly, tidy = replace(s.SHELL, section="month"), replace(s.SHELL, section="clinics")
    failed = FormState.failed("sign-in", Invalid("Email or password is wrong."), {"email": "a@example.org"})
    taken = FormState.failed(
        "fact-other-claims", Invalid("Checked on: a day to come", field="checked_on"), {"found": "no"}
    )
    idle = replace(patients.TIMER, state="idle", key="", elapsed=0)
    away = replace(patients.TIMER, state="elsewhere", elsewhere_patient_id=s.uid(2), elsewhere_name="Marcus Bell")
    empty = replace(s.my_day(), rows=(), candidates=(), counts=s.my_day().counts[:3], may_import=True)
    error = ErrorPage(
        status=403,
        title=TITLES[403],
        message="You may not close a month.",
        permission="month:close",
        reference="01JD7Q",
    )
    return {
        "sign-in": ("identity/sign_in.html", s.VISITOR, s.SIGN_IN, plain),
        "sign-in-failed": ("identity/sign_in.html", s.VISITOR, s.SIGN_IN, failed),
        "invitation": ("identity/invitation.html", s.VISITOR, s.INVITATION, plain),
        "tenants": ("identity/tenants.html", replace(s.SHELL, nav=(), tenant_name=""), s.TENANTS, plain),
        "my-day": ("workspace/my_day.html", replace(s.SHELL, running=s.RUNNING), s.my_day(), plain),
        "my-day-manager": ("workspace/my_day.html", s.SHELL, replace(s.my_day(), whole_tenant=True), plain),
        "my-day-empty": ("workspace/my_day.html", s.SHELL, empty, plain),
        "patient": ("workspace/patient.html", replace(s.SHELL, messages=(s.SAVED,)), patient, plain),
        "patient-idle": ("workspace/patient.html", s.SHELL, replace(patient, timer=idle), taken),
        "patient-elsewhere": ("workspace/patient.html", s.SHELL, replace(patient, timer=away), plain),
        "patient-new": ("workspace/patient.html", s.SHELL, patients.new_patient(), plain),
        "clinics": ("tenants/clinics.html", tidy, s.clinics(), plain),
        "clinic": ("tenants/clinic.html", tidy, s.clinic(), plain),
        "month": ("billing/month.html", monthly, months.month(), plain),
        "month-blocked": ("billing/month.html", monthly, months.blocked_month(), plain),
        "month-closing": ("billing/month.html", monthly, months.closing_month(), plain),
        "month-close": ("billing/close.html", monthly, months.month(), plain),
        "_components": ("gallery.html", s.SHELL, Gallery(), plain),
        "error": ("error.html", s.SHELL, error, plain),
    }


def render_all() -> dict[str, str]:
    """Return page name -> HTML."""
    environment = make_environment([SOURCE / name / "templates" for name in FEATURES])
    return {
        name: environment.get_template(template).render(shell=shell, page=page, csrf_token="token", form=form)
        for name, (template, shell, page, form) in views().items()
    }


def fragments() -> dict[str, str]:
    """Return the answers that pages ask for by themselves: path -> HTML."""
    template = make_environment([SOURCE / name / "templates" for name in FEATURES]).get_template
    found = [s.Line(s.uid(1), "Rosa", "Delgado", s.TODAY, "M0012346"), s.Line(s.uid(2), "Rose", "Ark", s.TODAY, "M77")]
    return {
        "my-day/queue": template("workspace/_queue.html").render(page=s.my_day()),
        "patients/find": template("workspace/_found.html").render(page=found),
    }


class Site(ThreadingHTTPServer):
    """Rendered pages and static files on a loopback port; `asked` collects requests that found no page."""

    daemon_threads = True

    def __init__(self, port: int, pages: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.pages = pages
        self.fragments = fragments()
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    """Answers with a page, a static file, or 404; saves nothing."""

    def do_GET(self) -> None:
        site = cast("Site", self.server)
        path = self.path.partition("?")[0].lstrip("/")
        file = (STATIC / path.removeprefix("static/")).resolve()
        if found := site.pages.get(path) or site.fragments.get(path):
            self.reply(200, "text/html; charset=utf-8", found.encode())
        elif path.startswith("static/") and file.is_relative_to(STATIC) and file.is_file():
            self.reply(200, mimetypes.guess_type(file.name)[0] or "application/octet-stream", file.read_bytes())
        else:
            # A page that is not there names no icon, so the browser looks for its own.
            site.asked += [path] if path != "favicon.ico" else []
            self.reply(404, "text/html; charset=utf-8", b"<!doctype html><title>none</title>")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        site, path = cast("Site", self.server), self.path.lstrip("/")
        if path in site.fragments:
            self.reply(200, "text/html; charset=utf-8", site.fragments[path].encode())
            return
        site.asked.append(f"POST {path}")
        self.reply(503, "text/plain; charset=utf-8", b"a sample saves nothing")

    def reply(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        del format, args


@contextmanager
def served(port: int = 0) -> "Iterator[Site]":
    """Serve the samples while the block runs."""
    with Site(port, render_all()) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


if __name__ == "__main__":
    with served(int(sys.argv[1]) if len(sys.argv) > 1 else 8765) as running:
        links = "".join(f"  {running.address}/{name}\n" for name in running.pages)
        sys.stderr.write(f"{links}{Path(__file__).name}: Ctrl-C stops\n")
        threading.Event().wait()
