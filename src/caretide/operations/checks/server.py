"""The database server: how it is reached, what it promises to keep, what it writes to its log, and its clock."""

from datetime import datetime
from typing import Final

from psycopg import errors

from caretide.operations.findings import Check, Finding, Level, Subject
from caretide.postgres.urls import parse
from caretide.runtime.migrations import head
from caretide.settings import host_of, is_loopback

SKEW_SECONDS: Final = 2.0
_LOSS: Final = "What was acknowledged could be lost in a crash."
_LOGGED: Final = "Statements carry health data, and the server's log is read by people who may not see it."
_SETTINGS: Final = {
    "fsync": (("on",), _LOSS),
    "full_page_writes": (("on",), _LOSS),
    "synchronous_commit": (("on", "remote_apply", "remote_write", "local"), _LOSS),
    "data_sync_retry": (("off",), "A failed write would be taken for done."),
    "data_checksums": (("on",), "A page that the disk changed would be read as if it were right."),
    "password_encryption": (("scram-sha-256",), "Passwords would be kept by a hash that is easily broken."),
    "log_parameter_max_length": (("0",), _LOGGED),
    "log_parameter_max_length_on_error": (("0",), _LOGGED),
    "log_statement": (("none", "ddl"), _LOGGED),
}
"""Parameter -> values that are right, and why others are not."""


def look_at_transport(subject: Subject) -> list[Finding]:
    """See that the way to the database is a socket, this host, or verified TLS."""
    url = subject.settings.database_url
    if url is None:
        return []
    parameters = parse(url)
    mode = parameters.get("sslmode", "prefer")
    hosts = f"{parameters.get('host', '')},{parameters.get('hostaddr', '')}".split(",")
    if mode == "verify-full" or all(is_here(host) for host in hosts):
        return []
    return [
        Finding(
            Level.ERROR,
            f"The way to the database leaves this host with sslmode={mode}.",
            "Only verify-full proves which server answers; anything less can be read or answered by somebody between.",
            "Add sslmode=verify-full and sslrootcert=... to CARETIDE_DATABASE_URL.",
            blocks=True,
        )
    ]


def is_here(host: str) -> bool:
    """Whether a host of a connection is this one: a socket's folder, localhost, or a loopback address."""
    return not host or host.startswith(("/", "@")) or is_loopback(host)


def look_at_listening(subject: Subject) -> list[Finding]:
    """See that pages do not leave this host without TLS."""
    found: list[Finding] = []
    if not is_here(subject.settings.host):
        found.append(
            Finding(
                Level.ERROR,
                f"Pages are served without TLS on {subject.settings.host}, which is not this host alone.",
                "Health data would travel in plain text between here and whoever asks.",
                "Let CARETIDE_HOST be 127.0.0.1 and a proxy on this host end TLS; in a pod, beside this container.",
                blocks=True,
            )
        )
    if subject.settings.mode == "production" and not subject.settings.secure_cookies:
        found.append(
            Finding(
                Level.ERROR,
                f"People reach this installation at {subject.settings.base_url}, without TLS.",
                "Passwords, sessions and health data would travel in plain text.",
                "Set CARETIDE_BASE_URL to the https:// address that the proxy serves.",
                blocks=True,
            )
        )
    return found


def look_at_proxies(subject: Subject) -> list[Finding]:
    """See that the proxy before production is named: without it everybody seems to ask from one address."""
    settings = subject.settings
    if settings.mode != "production" or settings.proxies or is_loopback(host_of(settings.base_url)):
        return []
    return [
        Finding(
            Level.WARNING,
            f"People reach this installation at {settings.base_url}, and no proxy before it is named.",
            "Everybody seems to ask from the proxy's address: one sender who asks too much shuts all others out, and"
            " the audit trail names no other address.",
            "Set CARETIDE_PROXIES to the address that the proxy asks from, 127.0.0.1 where it runs on this host, and"
            " start again.",
        )
    ]


def look_at_sign_in(subject: Subject) -> list[Finding]:
    """See that nobody enters the server without a password."""
    try:
        lines = subject.ask(
            "SELECT type, coalesce(array_to_string(database, ','), ''), coalesce(array_to_string(user_name, ','), ''),"
            " coalesce(address, ''), auth_method FROM pg_hba_file_rules"
            " WHERE auth_method IN ('trust', 'password', 'ident') AND error IS NULL"
        )
    except errors.InsufficientPrivilege:
        return [
            Finding(
                Level.NOTE,
                "Who may enter the server, and how, was not looked at: this login may not read it.",
                "A line with `trust` in pg_hba.conf lets anybody in as any role.",
                "Ask whoever runs the server for: SELECT * FROM pg_hba_file_rules",
            )
        ]
    return [
        Finding(
            Level.ERROR,
            f"pg_hba.conf lets in by {method}: {' '.join(part for part in line if part)}.",
            "Whoever reaches the server becomes any role, and with it any tenant.",
            "Let the line ask for scram-sha-256, or remove it, and reload the server.",
            blocks=True,
        )
        for *line, method in lines
    ]


def look_at_settings(subject: Subject) -> list[Finding]:
    """Compare the server's parameters with what durability and silence ask for."""
    found: list[Finding] = []
    for name, value in subject.ask("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", list(_SETTINGS)):
        right, why = _SETTINGS[name]
        if value not in right:
            place = "postgres/local.conf under CARETIDE_HOME" if subject.settings.database_url is None else "the server"
            todo = f"Set {name} = {right[0]} in {place} and restart it."
            if name == "data_checksums":
                todo = "Stop the server, run `pg_checksums --enable` on its data directory, and start it."
            found.append(Finding(Level.ERROR, f"The server runs with {name} = {value}.", why, todo))
    return found


def look_at_replication(subject: Subject) -> list[Finding]:
    """See that nothing copies rows away past the walls."""
    copies = subject.ask(
        "SELECT 'publication ' || pubname FROM pg_publication"
        " UNION ALL SELECT 'logical replication slot ' || slot_name FROM pg_replication_slots"
        " WHERE slot_type = 'logical' AND database = current_database()"
    )
    return [
        Finding(
            Level.ERROR,
            f"There is a {name}.",
            "Logical replication reads past row-level security: every tenant's rows leave through it.",
            "Drop it, or keep it out of this database: Caretide needs none.",
            blocks=True,
        )
        for (name,) in copies
    ]


def look_at_clock(subject: Subject) -> list[Finding]:
    """Compare the two clocks that write times."""
    before = subject.clock()
    ((there,),) = subject.ask("SELECT clock_timestamp()")
    after = subject.clock()
    skew = _apart(before, after, there)
    if skew <= SKEW_SECONDS:
        return []
    return [
        Finding(
            Level.ERROR,
            f"The database's clock and this host's are {skew:.1f} seconds apart.",
            "Minutes are billed by the one and sessions end by the other; an audit trail needs one time.",
            "Run NTP (chrony, systemd-timesyncd) on both hosts.",
        )
    ]


def _apart(before: datetime, after: datetime, there: datetime) -> float:
    """Return how far `there` lies outside the span in which it was read, in seconds."""
    return max((before - there).total_seconds(), (there - after).total_seconds(), 0.0)


def look_at_schema(subject: Subject) -> list[Finding]:
    """See that the schema is the one that this program was written for."""
    with subject.database.transaction():
        subject.database.execute("SET LOCAL ROLE caretide_owner")
        known = subject.ask("SELECT to_regclass('public.alembic_version') IS NOT NULL")[0][0]
        there = subject.ask("SELECT version_num FROM public.alembic_version")[0][0] if known else "empty"
    if there == head():
        return []
    why = "Programs and tables that do not know one another write what neither can read."
    newer = known and there > head()
    todo = "Update this program to the version that the others run." if newer else "Run `caretide db migrate`."
    return [Finding(Level.ERROR, f"The schema is at revision {there}; this program knows {head()}.", why, todo)]


CHECKS: Final = (
    Check(
        "transport",
        "the way to the database stays on this host or is verified TLS",
        look_at_transport,
        needs_database=False,
    ),
    Check("listening", "pages leave this host through TLS alone", look_at_listening, needs_database=False),
    Check("sign-in", "the server lets nobody in without a password", look_at_sign_in),
    Check("server", "the server keeps what it acknowledged and logs no values", look_at_settings),
    Check("replication", "nothing copies rows away past the walls", look_at_replication),
    Check("clock", "this host and the database agree on the time", look_at_clock),
    Check("schema", "the schema is the one this program was written for", look_at_schema),
    Check("proxies", "who asks is told by the proxy that is named", look_at_proxies, needs_database=False),
)
