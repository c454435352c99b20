"""What the database's own catalogue says about the two walls: each check returns its faults in words.

`caretide doctor` asks it of the database that runs, restored ones included; the tests ask it of the schema that the
migrations made, and of one with the fault planted in it. Whoever may read the catalogue can ask: every role can.
"""

from collections.abc import Callable
from typing import Any, Final, LiteralString

from psycopg import Connection

from caretide.postgres.exemptions import DEFINERS, EXEMPT, NARROWER, NO_ROSTER, OWN_ROSTER, POWERFUL

LOGINS: Final = ("caretide_app", "caretide_worker", "caretide_gateway")
TENANT: Final = "(tenant_id = ( SELECT ctx.tenant() AS tenant))"
# Stands for OURS in the queries below: the schemas that are not PostgreSQL's own.
OURS: Final = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"
Ask = Callable[..., list[tuple[Any, ...]]]


def faults(connection: Connection[Any]) -> list[str]:
    """Return every breach of the rules, sorted."""

    def ask(query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        return connection.execute(query.replace("OURS", OURS), parameters).fetchall()

    checks = (_walls, _rosters, _keys, _references, _roles, _grants, _functions, _shapes, _secrets, _ways_out)
    return sorted(fault for check in checks for fault in check(ask))


def walled_tables(ask: Ask) -> list[str]:
    """Return the names of the tables that must stand behind wall one."""
    rows = ask("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')")
    return sorted(name for (name,) in rows if name not in EXEMPT)


def _policies(ask: Ask) -> dict[str, list[tuple[Any, ...]]]:
    """Return for each table its policies: name, permissive, command, is TO PUBLIC alone, USING, WITH CHECK."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    rows = ask(
        "SELECT c.relname, p.polname, p.polpermissive, p.polcmd = '*', p.polroles = '{0}',"
        " pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)"
        " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'public'::regnamespace"
    )
    for table, *policy in rows:
        found.setdefault(table, []).append(tuple(policy))
    return found


def _walls(ask: Ask) -> list[str]:
    """Row-level security enabled and forced; one restrictive tenant policy for all, one permissive base."""
    flags = ask("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind IN ('r', 'p')")
    standing = {name: (enabled, forced) for name, enabled, forced in flags}
    policies = _policies(ask)
    found: list[str] = []
    for table in walled_tables(ask):
        enabled, forced = standing[table]
        found += [f"{table}: row-level security is not enabled"] * (not enabled)
        found += [f"{table}: row-level security is not forced"] * (not forced)
        mine = policies.get(table, [])
        wall = [p for p in mine if p[1:] == (False, True, True, TENANT, TENANT)]
        base = [p for p in mine if p[1:] == (True, True, True, "true", "true")]
        found += [f"{table}: has {len(wall)} restrictive tenant policies, not one"] * (len(wall) != 1)
        found += [f"{table}: has {len(base)} permissive base policies, not one"] * (len(base) != 1)
        # A further restrictive policy can only narrow, unless it names a role and is lost with it.
        wider = [p for p in mine if p not in base and (p[1] or not p[3])]
        found += [f"{table}: policy '{p[0]}' can widen what is seen" for p in wider]
    missing = [place for place in NARROWER if place[1] not in [p[0] for p in policies.get(place[0], []) if not p[1]]]
    found += [f"{table}: restrictive policy '{policy}' is missing" for table, policy in missing]
    return found


def _rosters(ask: Ask) -> list[str]:
    """A second restrictive policy on every table that is about a patient."""
    rows = ask(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'patient_id'"
        " AND NOT a.attisdropped WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    )
    columns = {name: "patient_id" for (name,) in rows} | {"patients": "id"}
    policies = _policies(ask)
    found: list[str] = []
    for table, column in columns.items():
        seen = _seen(table, column)
        walls = [p for p in policies.get(table, []) if p[1:4] == (False, True, True)]
        exact = [p for p in walls if p[4] == p[5] == f"{seen})"]
        own = [p for p in walls if p[4].startswith(seen) and p[5].startswith("(( SELECT ctx.sees_all()")]
        wanted = own if table in OWN_ROSTER else exact
        found += [f"{table}: has no roster policy"] * (not wanted and table not in NO_ROSTER)
    return found


def _seen(table: str, column: str) -> str:
    """Return how PostgreSQL spells the beginning of a roster policy, as walls.seen writes it."""
    listed = f"(( SELECT ctx.sees_all() AS sees_all) OR ({column} = ANY (( SELECT ctx.roster() AS roster)::uuid[]))"
    if table == "patients":
        return f"{listed} OR (clinic_id = ANY (( SELECT ctx.duty() AS duty)::uuid[]))"
    at = f"((p.tenant_id = {table}.tenant_id) AND (p.id = {table}.{column}))"
    place = f"(EXISTS ( SELECT\n   FROM patients p\n  WHERE {at}))"
    return f"{listed} OR ((( SELECT ctx.duty() AS duty) IS NOT NULL) AND {place})"


def _keys(ask: Ask) -> list[str]:
    """The tenant leads every primary, unique and exclusion key."""
    rows = ask(
        "SELECT c.relname, i.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid"
        " JOIN pg_class i ON i.oid = x.indexrelid"
        " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]"
        " WHERE c.relnamespace = 'public'::regnamespace AND (x.indisunique OR x.indisexclusion)"
        " AND a.attname IS DISTINCT FROM 'tenant_id'"
    )
    return [f"{table}: tenant_id does not lead the key {key}" for table, key in rows if table not in EXEMPT]


def _references(ask: Ask) -> list[str]:
    """The tenant leads every foreign key; none cascades. Tables that belong to no tenant may be referred to by id."""
    rows = ask(
        "SELECT c.relname, k.conname, t.relname, a.attname, b.attname, k.confdeltype::text || k.confupdtype::text"
        " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]"
        " JOIN pg_attribute b ON b.attrelid = t.oid AND b.attnum = k.confkey[1]"
        " WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace"
    )
    found: list[str] = []
    for table, key, target, column, there, on_change in rows:
        leads = (column, there) == ("tenant_id", "tenant_id")
        found += [f"{table}: tenant_id does not lead the key {key}"] * (not leads and target not in EXEMPT)
        found += [f"{table}: the key {key} changes rows by itself"] * (on_change != "aa")
    return found


def _roles(ask: Ask) -> list[str]:
    """No login is powerful, none is a member of another, and the owner cannot log in."""
    found = [
        f"{role}: is powerful"
        for (role,) in ask(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'caretide%%' AND (rolsuper OR rolbypassrls OR rolcreatedb"
            " OR rolcreaterole OR rolreplication) AND rolname <> ALL (%s)",
            list(POWERFUL),
        )
    ]
    if ask("SELECT FROM pg_roles WHERE rolname = 'caretide_owner' AND rolcanlogin"):
        found.append("caretide_owner: can log in")
    members = ask(
        "SELECT m.rolname, g.rolname FROM pg_auth_members x JOIN pg_roles m ON m.oid = x.member"
        " JOIN pg_roles g ON g.oid = x.roleid WHERE m.rolname LIKE 'caretide%%' AND m.rolname <> ALL (%s)",
        list(POWERFUL),
    )
    allowed = ("caretide_migrator", "caretide_owner")
    return found + [f"{member}: is a member of {group}" for member, group in members if (member, group) != allowed]


def _grants(ask: Ask) -> list[str]:
    """Nobody who serves requests may make, empty, watch or own anything; the public may nothing."""
    found: list[str] = []
    logins = list(LOGINS)
    made = ask(
        "SELECT r, n.nspname FROM unnest(%s::text[]) r, pg_namespace n WHERE has_schema_privilege(r, n.oid, 'CREATE')"
        " UNION ALL SELECT r, 'the database' FROM unnest(%s::text[]) r"
        " WHERE has_database_privilege(r, current_database(), 'CREATE')",
        logins,
        logins,
    )
    found += [f"{role}: may CREATE in {place}" for role, place in made]
    found += [
        f"{role}: may make temporary tables"
        for (role,) in ask(
            "SELECT r FROM unnest(%s::text[]) r WHERE has_database_privilege(r, current_database(), 'TEMP')", logins
        )
    ]
    granted = ask(
        "SELECT r, c.oid::regclass::text, p FROM unnest(%s::text[]) r,"
        " unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) p, pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND OURS AND has_table_privilege(r, c.oid, p)",
        logins,
    )
    found += [f"{table}: {role} may {privilege}" for role, table, privilege in granted]
    public = ask(
        "SELECT c.oid::regclass::text, a.privilege_type FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
        " aclexplode(c.relacl) a WHERE a.grantee = 0 AND OURS"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
    )
    return found + [f"{table}: everybody may {privilege}" for table, privilege in public]


def _functions(ask: Ask) -> list[str]:
    """Definer functions are listed and have a fixed search path; no function of ours is everybody's."""
    rows = ask(
        "SELECT p.oid::regprocedure::text, p.prosecdef, coalesce(p.proconfig::text, '') LIKE '%%search_path=%%',"
        " has_function_privilege('public', p.oid, 'EXECUTE')"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE OURS"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    )
    found: list[str] = []
    for name, is_definer, has_path, is_public in rows:
        full = name if "." in name.partition("(")[0] else f"public.{name}"
        found += [f"{full}: runs with its owner's rights unlisted"] * (is_definer and full not in DEFINERS)
        found += [f"{full}: has no fixed search path"] * (is_definer and not has_path)
        found += [f"{full}: everybody may call it"] * is_public
    return found


def _shapes(ask: Ask) -> list[str]:
    """No view that lends its owner's eyes, no materialized view, no foreign, inherited or partitioned table."""
    rows = ask(
        "SELECT c.oid::regclass::text, c.relkind, coalesce(c.reloptions::text, '') ~ 'security_invoker=(true|on|1)',"
        " EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid) AND c.relkind IN ('r', 'p')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE OURS"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
    )
    found: list[str] = []
    for name, kind, as_invoker, is_child in rows:
        found += [f"{name}: is a view without security_invoker"] * (kind == "v" and not as_invoker)
        found += [f"{name}: is a materialized view"] * (kind == "m")
        found += [f"{name}: is a foreign table"] * (kind == "f")
        found += [f"{name}: inherits from another table"] * is_child
    return found


def _secrets(ask: Ask) -> list[str]:
    """The keys of contexts and what uses them are the owner's alone; no function claims to be leak-proof.

    Nothing made later is handed to anybody by a default.
    """
    held = ask(
        "SELECT c.oid::regclass::text, pg_get_userbyid(a.grantee) FROM pg_class c, aclexplode(c.relacl) a"
        " WHERE c.relnamespace = to_regnamespace('ctx') AND a.grantee <> c.relowner"
        " UNION ALL SELECT p.oid::regprocedure::text, pg_get_userbyid(a.grantee) FROM pg_proc p, aclexplode(p.proacl) a"
        " WHERE p.oid = to_regprocedure('ctx.enter(uuid,uuid,boolean)') AND a.grantee <> p.proowner"
    )
    proof = ask(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE OURS AND p.proleakproof"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    )
    later = ask(
        "SELECT pg_get_userbyid(d.defaclrole), a.privilege_type FROM pg_default_acl d, aclexplode(d.defaclacl) a"
        " WHERE a.grantee <> d.defaclrole"
    )
    found = [f"{name}: is not the owner's alone but {role}'s too" for name, role in held]
    found += [f"{name}: claims to be leak-proof" for (name,) in proof]
    return found + [f"{role}: what it makes is by default open to {privilege}" for role, privilege in later]


def _ways_out(ask: Ask) -> list[str]:
    """Nothing carries rows past the walls: no publication, slot, foreign server, event trigger."""
    rows = ask(
        "SELECT 'publication', pubname::text FROM pg_publication"
        " UNION ALL SELECT 'replication slot', slot_name::text FROM pg_replication_slots"
        " WHERE database = current_database()"
        " UNION ALL SELECT 'foreign server', srvname::text FROM pg_foreign_server"
        " UNION ALL SELECT 'event trigger', evtname::text FROM pg_event_trigger"
        " UNION ALL SELECT 'untrusted language', lanname::text FROM pg_language"
        " WHERE NOT lanpltrusted AND lanname NOT IN ('internal', 'c')"
    )
    return [f"{name}: stands there, a {kind}" for kind, name in rows]
