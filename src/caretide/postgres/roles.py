"""The roles of the first wall: an owner that cannot log in, a migrator that may become it, and three that may little.

What stands in the catalogue is compared with what is wanted; the difference is a list of statements. They are run, or,
where the login may not, named to whoever may.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, errors, sql
from psycopg.rows import scalar_row

from caretide.kernel.errors import CaretideError, Unavailable
from caretide.postgres import urls

OWNER = "caretide_owner"
ROLES_VERSION = 1
"""Raised with every change here: an embedded server that was set up by an older one is looked at again."""

_MIN_SERVER = 180000
# Any number that nothing else uses: "caretide" in ASCII. Roles belong to the whole server, so two sets of callers race.
_TURN = int.from_bytes(b"caretide")
_POWERS = ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls")
_UNPRIVILEGED = sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")


class LoginRole(StrEnum):
    """Who connects. `ADMIN` is the embedded server's superuser and comes from this machine only."""

    ADMIN = "admin"
    MIGRATOR = "migrator"
    APP = "app"
    WORKER = "worker"
    GATEWAY = "gateway"

    @property
    def login(self) -> str:
        """The role's name in the database."""
        return f"caretide_{self.value}"


@dataclass(frozen=True)
class _Wanted:
    """What the statements are planned from. `migrator` is the login that may become the owner."""

    passwords: Mapping[LoginRole, str]
    database: str
    migrator: str

    @property
    def logins(self) -> list[str]:
        return [role.login for role in self.passwords]


_Plan = Callable[[Connection[Any], _Wanted], list[sql.Composed]]
"""Compares the catalogue with what is wanted and returns the statements that are missing; none once they have run."""


def ensure_roles(admin_url: str, passwords: Mapping[LoginRole, str], database: str) -> None:
    """Make roles, privileges and the extension in `database` what they must be; safe to repeat and to run at once.

    With the migrator among `passwords` the server is ours: a missing database is created and a lost password set
    anew. Otherwise `admin_url` is an external migrator's: other hosts may know the passwords, so they are left alone.
    Raises Unavailable, naming the SQL to run, when the login may not do what is missing.
    """
    ours = LoginRole.MIGRATOR in passwords
    server = urls.parse(admin_url)
    inside = urls.build(server, dbname=database)
    wanted = _Wanted(passwords, database, LoginRole.MIGRATOR.login if ours else server["user"])
    with _turn(admin_url):
        with connected(admin_url) as connection:
            _settle(connection, wanted, _roles_missing)
            if ours:
                _create_database(connection, database)
                _settle(connection, wanted, _catalogs_open)
        with connected(inside) as connection:
            _settle(connection, wanted, _privileges_missing)
        _check_logins(inside, wanted, ours=ours)


def missing(connection: Connection[Any], migrator: str) -> list[str]:
    """Return, as statements without passwords, what roles and privileges of this database lack; change nothing."""
    logins = [role for role in LoginRole if role is not LoginRole.ADMIN and role is not LoginRole.MIGRATOR]
    wanted = _Wanted(dict.fromkeys(logins, ""), connection.info.dbname, migrator)
    known = _scalars(connection)("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [OWNER, *wanted.logins])
    absent = [name for name in (OWNER, *wanted.logins) if name not in known]
    if absent:
        return [f"CREATE ROLE {name}" for name in absent]
    plan = [*_roles_missing(connection, wanted), *_privileges_missing(connection, wanted)]
    return [statement.as_string(connection) for statement in plan]


def ensure_database(admin_url: str, database: str) -> None:
    """Create `database` on our own server, as closed as the first one; nothing to do when it is there."""
    server = urls.parse(admin_url)
    logins = dict.fromkeys((role for role in LoginRole if role is not LoginRole.ADMIN), "")
    wanted = _Wanted(logins, database, LoginRole.MIGRATOR.login)
    with _turn(admin_url):
        with connected(admin_url) as connection:
            _create_database(connection, database)
        with connected(urls.build(server, dbname=database)) as connection:
            _settle(connection, wanted, _privileges_missing)


@contextmanager
def connected(url: str) -> Generator[Connection[Any]]:
    """Yield an autocommit connection to a PostgreSQL 18 or later; a failure becomes Unavailable, passwords left out."""
    parameters = urls.parse(url)
    place = f"database {parameters['dbname']} at {parameters.get('host', 'localhost')}"
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            version = connection.info.server_version
            if version < _MIN_SERVER:
                raise Unavailable(f"Caretide needs PostgreSQL 18 or later; the {place} runs {version // 10000}.")
            yield connection
    except errors.DiskFull as error:
        raise Unavailable(f"The disk of the {place} is full. Free some space and try again.") from error
    except psycopg.Error as error:
        raise Unavailable(f"The {place} refused {parameters['user']}: {_first_line(error)}.") from error


@contextmanager
def _turn(admin_url: str) -> Generator[None]:
    """Wait for whoever is doing the same. Held by a transaction of its own, so that a pooler between cannot lose it."""
    with connected(admin_url) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TURN,))
        yield


def _settle(connection: Connection[Any], wanted: _Wanted, plan: _Plan) -> None:
    """Run what the plan finds missing, all or nothing; raise Unavailable with the lines when that is refused."""
    missing = plan(connection, wanted)
    if not missing:
        return
    try:
        with connection.transaction():
            for statement in missing:
                connection.execute(statement)
            if plan(connection, wanted):
                # REVOKE of what one may not revoke is a warning, not an error.
                raise errors.InsufficientPrivilege  # noqa: TRY301 - a refusal, however PostgreSQL puts it
    except errors.InsufficientPrivilege as error:
        raise _needs_help(connection, missing) from error


def _needs_help(connection: Connection[Any], missing: list[sql.Composed]) -> CaretideError:
    lines = "\n".join(f"  {statement.as_string(connection)};" for statement in missing)
    return Unavailable(
        f"{connection.info.user} may not prepare the database {connection.info.dbname}. "
        f"Have an administrator run there, then start again:\n{lines}"
    )


def _roles_missing(connection: Connection[Any], wanted: _Wanted) -> list[sql.Composed]:
    ask = _scalars(connection)
    known = ask("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [OWNER, *wanted.logins])
    plan: list[sql.Composed] = []
    if OWNER not in known:
        plan.append(sql.SQL("CREATE ROLE {} NOLOGIN {}").format(sql.Identifier(OWNER), _UNPRIVILEGED))
    for role, password in wanted.passwords.items():
        if role.login not in known:
            plan.append(_with_password(connection, "CREATE ROLE {} LOGIN PASSWORD {}", role, password))
    powerful = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND ({})"
    powers = sql.SQL(" OR ").join(map(sql.Identifier, _POWERS))
    plan.extend(
        sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(name), _UNPRIVILEGED)
        for name in ask(sql.SQL(powerful).format(powers), [OWNER, *wanted.logins])
    )
    if ask("SELECT true FROM pg_roles WHERE rolname = %s AND rolcanlogin", OWNER):
        plan.append(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(OWNER)))
    return plan + _memberships_wrong(connection, wanted, owner_known=OWNER in known)


def _memberships_wrong(connection: Connection[Any], wanted: _Wanted, *, owner_known: bool) -> list[sql.Composed]:
    """No role is a member of another, but the migrator of the owner: by SET ROLE, so that it is never by accident."""
    ask = _scalars(connection)
    plan: list[sql.Composed] = []
    granted = (
        "SELECT g.rolname, m.rolname FROM pg_auth_members JOIN pg_roles g ON g.oid = roleid"
        " JOIN pg_roles m ON m.oid = member"
        " WHERE m.rolname = ANY(%s) AND NOT (m.rolname = %s AND g.rolname = %s)"
    )
    for group, member in connection.execute(granted, ([OWNER, *wanted.logins], wanted.migrator, OWNER)):
        plan.append(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(group), sql.Identifier(member)))
    if not owner_known or not ask("SELECT pg_has_role(%s, %s, 'SET')", wanted.migrator, OWNER)[0]:
        statement = "GRANT {} TO {} WITH INHERIT FALSE, SET TRUE"
        plan.append(sql.SQL(statement).format(sql.Identifier(OWNER), sql.Identifier(wanted.migrator)))
    return plan


def _catalogs_open(connection: Connection[Any], wanted: _Wanted) -> list[sql.Composed]:
    """On our own server nobody needs the databases that initdb makes."""
    del wanted
    return [statement for name in ("postgres", "template1") for statement in _public_database(connection, name)]


def _privileges_missing(connection: Connection[Any], wanted: _Wanted) -> list[sql.Composed]:
    ask = _scalars(connection)
    database = sql.Identifier(wanted.database)
    plan = _public_database(connection, wanted.database)
    if not ask("SELECT has_database_privilege(%s, %s, 'CREATE')", OWNER, wanted.database)[0]:
        plan.append(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, sql.Identifier(OWNER)))
    connecting = (
        "SELECT r.rolname FROM pg_database d, aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE d.datname = %s AND a.privilege_type = 'CONNECT'"
    )
    allowed = ask(connecting, wanted.database)
    for name in (*wanted.logins, wanted.migrator):
        grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(name))
        if name not in allowed and grant not in plan:
            plan.append(grant)
    if ask(
        "SELECT true FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'public' AND a.grantee = 0 LIMIT 1"
    ):
        plan.append(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC").format())
    if not ask("SELECT true FROM pg_extension WHERE extname = 'btree_gist'"):
        # An exclusion constraint needs its operators to exist, not to be visible: nobody gets USAGE.
        plan.append(sql.SQL("CREATE SCHEMA IF NOT EXISTS extensions").format())
        plan.append(sql.SQL("CREATE EXTENSION btree_gist SCHEMA extensions").format())
    return plan


def _public_database(connection: Connection[Any], name: str) -> list[sql.Composed]:
    everyone = (
        "SELECT true FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
        " WHERE d.datname = %s AND a.grantee = 0 LIMIT 1"
    )
    if not _scalars(connection)(everyone, name):
        return []
    return [sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))]


def _create_database(connection: Connection[Any], database: str) -> None:
    if not _scalars(connection)("SELECT true FROM pg_database WHERE datname = %s", database):
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0")
        connection.execute(statement.format(sql.Identifier(database), sql.Identifier(OWNER)))


def _check_logins(url: str, wanted: _Wanted, *, ours: bool) -> None:
    """Sign in once with every password: a role may be older than our file of its password."""
    server = urls.parse(url)
    refused: dict[LoginRole, str] = {}
    for role, password in wanted.passwords.items():
        try:
            with connected(urls.build(server, user=role.login, password=password)):
                pass
        except Unavailable as error:
            refused[role] = error.message
    if not refused:
        return
    with connected(url) as connection:
        reset = "ALTER ROLE {} LOGIN PASSWORD {}"
        statements = [_with_password(connection, reset, role, wanted.passwords[role]) for role in refused]
        if not ours:
            lines = "\n".join(f"  {statement.as_string(connection)};" for statement in statements)
            raise Unavailable(
                f"{next(iter(refused.values()))} If the files in `secrets` are not those that the database knows, copy "
                f"them from a host that works, or have an administrator run:\n{lines}"
            )
        for statement in statements:
            connection.execute(statement)
    _check_logins(url, wanted, ours=False)


def _with_password(connection: Connection[Any], text: LiteralString, role: LoginRole, password: str) -> sql.Composed:
    """Put a SCRAM verifier in the statement: the password itself never travels, nor reaches a server's log."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.login.encode(), b"scram-sha-256")
    return sql.SQL(text).format(sql.Identifier(role.login), sql.Literal(verifier.decode()))


def _scalars(connection: Connection[Any]) -> Callable[..., list[Any]]:
    """Return a function that answers a query's first column."""

    def ask(query: LiteralString | sql.Composed, *parameters: Any) -> list[Any]:
        return connection.cursor(row_factory=scalar_row).execute(query, parameters).fetchall()

    return ask


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
