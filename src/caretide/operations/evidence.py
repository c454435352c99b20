"""The folder that a hospital's reviewer is handed: built offline, from what is installed and what runs.

It says nothing of a patient. Every file's hash stands in the index, so that a copy can be compared.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

from caretide.audit.queries.verify import verify
from caretide.kernel.actor import Actor
from caretide.kernel.clock import Clock, system_clock
from caretide.kernel.errors import Conflict
from caretide.operations import archive_state, inventory, records
from caretide.operations.doctor import examine
from caretide.operations.findings import Report
from caretide.postgres import exemptions
from caretide.postgres.folders import Home, explained
from caretide.runtime.installation import installation
from caretide.runtime.migrations import ROOT
from caretide.settings import Settings
from caretide.tenants import queries as tenants

_PAGES: Final = {
    "requirements.md": "Requirements, and the tests that carry each; what is open is said",
    "permissions.md": "Roles and permissions: who may do what",
    "fields.md": "Which fields a permission opens",
    "audit.md": "What the audit records of every verb",
    "tables.md": "Every table and column; which are sealed",
    "settings.md": "Every setting there is",
    "jobs.md": "What runs by itself",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}"
    "td,th{border:1px solid #bbb;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "code{overflow-wrap:anywhere}"
)


@dataclass
class Folder:
    """What was written so far: name, what it is, hash."""

    path: Path
    files: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def put(self, name: str, what: str, content: str) -> None:
        """Write a file and remember its hash."""
        (self.path / name).write_text(content, "utf-8")
        self.files.append((name, what, hashlib.sha256(content.encode()).hexdigest()))

    def put_json(self, name: str, what: str, value: object) -> None:
        """Write values."""
        self.put(name, what, json.dumps(value, indent=1, default=str) + "\n")


def build(settings: Settings, tenant: str, path: Path, clock: Clock = system_clock) -> Folder:
    """Write the evidence about this installation and one tenant into an empty folder.

    Raises NotFound for a tenant that is not there and Conflict for a folder that is not empty.
    """
    about = asyncio.run(_tenant(settings, tenant))
    report = examine(settings, deep=True)
    at = clock()
    home = Home(settings.home.expanduser().absolute())
    with explained(path):
        if path.exists() and any(path.iterdir()):
            raise Conflict(f"{path} is not empty; evidence of one day is not mixed with another's.")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Folder(path)
        for name, what in _PAGES.items():
            source = ROOT / "docs" / "reference" / name
            if source.exists():
                folder.put(name, what, source.read_text("utf-8"))
        folder.put_json("tenant.json", "The tenant: people by role, keys, and its audit trail verified", about)
        folder.put_json("doctor.json", "The doctor's findings, every check made in depth", report.as_json())
        folder.put_json("isolation.json", "How tenants are kept apart; exemptions and reasons", _isolation(report))
        folder.put_json("inventory.json", "Components, ports, data flows, algorithms", _inventory(settings))
        folder.put_json("keys.json", "Keys: use, algorithm, age, custody; never their content", inventory.keys(home))
        folder.put_json("backups.json", "Backups that were made", records.recall(home, records.BACKUPS)[-60:])
        folder.put_json(
            "drills.json", "Restore drills with measured RPO and RTO", records.recall(home, records.DRILLS)[-24:]
        )
        folder.put_json(
            "archive.json", "The archived log: how far it leads, and from which backups", _archive(settings)
        )
        folder.put_json("settings.json", "Settings in force, without secrets", inventory.shown_settings(settings))
        folder.put_json("sbom.cdx.json", "Software bill of materials, CycloneDX 1.6", inventory.bill_of_materials(at))
        last = records.last(home, records.DRILLS)
        (path / "index.html").write_text(_index(folder, about, report, last[1] if last else None), "utf-8")
    return folder


async def _tenant(settings: Settings, slug: str) -> dict[str, Any]:
    """Return what is to be said of one tenant: numbers and states, nobody's name."""
    async with installation(settings) as ours:
        async with ours.database.tx(Actor.nobody()) as tx:
            tenant_id = await tenants.tenant_by_slug(tx, slug)
        async with ours.database.tx(Actor.system(tenant_id)) as tx:
            people = await tenants.members(tx)
            places = await tenants.clinics(tx)
            row = await tenants.my_tenant(tx)
            trail = await verify(tx)
        audit = {"verified": not trail.fault, "events": trail.events, "why": trail.fault}
        return {
            "slug": slug,
            "name": row.name,
            "clinics": len(places),
            "members_by_role_and_status": dict(Counter(f"{one.role}, {one.status}" for one in people)),
            "audit": audit,
        }


def _isolation(report: Report) -> dict[str, Any]:
    checks = {check.name: found for check, found in report.results}
    names = ("roles", "catalogue", "holes", "replication", "sign-in")
    return {
        "rules": [
            "every table has row-level security enabled and forced, with one restrictive policy for everybody",
            "the tenant leads every primary, unique, foreign and exclusion key",
            "the tenant of a transaction is signed and bound to it; the application cannot read the key",
            "no login role is powerful, owns anything, or is a member of another",
            "patients stand behind a second restrictive policy: the roster",
        ],
        "findings": {name: [one.what for one in checks.get(name) or ()] for name in names},
        "outside_the_tenant_wall": exemptions.EXEMPT,
        "outside_the_roster_wall": exemptions.NO_ROSTER,
        "roster_wall_that_shows_members_their_own": exemptions.OWN_ROSTER,
        "functions_with_their_owners_rights": exemptions.DEFINERS,
        "roles_above_the_walls": exemptions.POWERFUL,
        "proved_by": "requirements.md, family T",
    }


def _inventory(settings: Settings) -> dict[str, Any]:
    flow = ("from", "to", "by", "what", "kept_safe_by")
    return {
        "components": inventory.components(),
        "database": inventory.database(settings),
        "listens_on": inventory.ports(settings),
        "data_flows": [dict(zip(flow, one, strict=True)) for one in inventory.FLOWS],
        "algorithms": dict(inventory.ALGORITHMS),
    }


def _archive(settings: Settings) -> dict[str, Any]:
    home = Home(settings.home.expanduser().absolute())
    if settings.archive is None or settings.database_url is not None:
        return {"archived": False}
    return {
        "archived": True,
        "seconds": settings.archive_seconds,
        **archive_state.stand(home, settings.archive).as_json(),
    }


def _index(folder: Folder, about: dict[str, Any], report: Report, drill: dict[str, Any] | None) -> str:
    proved = "none is on record" if drill is None else _drill(drill)
    findings = [(one.level.value, one.what, one.todo) for _, one in report.findings]
    audit = about["audit"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evidence: Caretide</title>',
        f"<style>{_STYLE}</style></head><body><h1>Evidence for {escape(about['name'])}</h1>",
        f"<p>Built by <code>caretide evidence</code> on {report.at:%Y-%m-%d %H:%M} UTC, offline, from what runs. ",
        "It holds nothing of a patient.</p><h2>In short</h2>",
        _table(
            ("question", "answer"),
            [
                (
                    "Are tenants kept apart?",
                    "no finding" if not report.blocking else f"{len(report.blocking)} findings",
                ),
                ("Would production start?", "yes" if not report.blocking else "no"),
                (
                    "Does the audit trail hold?",
                    f"yes, {audit['events']} events" if audit["verified"] else f"no: {audit['why']}",
                ),
                ("Was a restore proved?", proved),
                ("Certifications", "none: an open-source project cannot hold one. Its operator can."),
            ],
        ),
        "<h2>What the doctor found</h2>",
        _table(("level", "what", "to do"), findings) if findings else "<p>Nothing.</p>",
        "<h2>Files</h2>",
        '<table><tr><th scope="col">file</th><th scope="col">what it is</th><th scope="col">SHA-256</th></tr>',
        *(
            f'<tr><td><a href="{name}">{name}</a></td><td>{escape(what)}</td><td><code>{digest}</code></td></tr>'
            for name, what, digest in folder.files
        ),
        "</table></body></html>\n",
    ]
    return "".join(parts)


def _drill(drill: dict[str, Any]) -> str:
    how = "passed" if drill.get("passed") else "FAILED"
    return f"{drill['at'][:10]}: {how}, RPO {drill.get('rpo_seconds')} s, RTO {drill.get('rto_seconds')} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(one)}</th>' for one in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
