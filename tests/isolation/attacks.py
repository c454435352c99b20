"""SQL that an attacker would run in the application's role, inside a tenant's own signed context.

Each script is one message of the simple protocol. Words in braces are filled in: `{b}` the other tenant, `{row}` the id
in all their rows, `{own}` the context that the attacker stands in, `{live}` one of the other tenant's that holds in
another session this very moment, `{past}` one of theirs from an earlier transaction, `{pid}` the other session.
"""

from typing import Final

_SET: Final = "SELECT set_config('app.ctx', {value}, {local});"
_LOOK: Final = "SELECT * FROM patients; SELECT * FROM time_log_entries; SELECT * FROM audit_events"


def _context(value: str, *, local: bool = True) -> str:
    return _SET.format(value=value, local=str(local).lower()) + _LOOK


_KEY: Final = "convert_to(split_part('{own}', ':', 1), 'UTF8')"

CONTEXTS: Final = {
    "plain tenant": _context("'{b}::0'"),
    "own signature, their tenant": _context("regexp_replace('{own}', ':[0-9a-f-]{{36}}:', ':{b}:')"),
    "wall lifted by hand": "SELECT set_config('app.ctx', regexp_replace('{own}', ':1:', ':0:'), true);"
    "SELECT * FROM patients WHERE id = '{row}'",
    "live context of another session": _context("'{live}'"),
    "live context, this backend's number": _context("replace('{live}', '{pid}', pg_backend_pid()::text)"),
    "live context, kept for the session": _context("'{live}'", local=False),
    "replayed context of an earlier transaction": _context("'{past}'"),
    "replayed after COMMIT": "COMMIT; BEGIN;" + _context("'{past}'"),
    "own context after COMMIT AND CHAIN": "COMMIT AND CHAIN;" + _context("'{own}'"),
    "the owner's key number": _context("regexp_replace('{own}', '^[0-9]+:', '0:')"),
    "unknown key": _context("'99:{b}::0:1:1:' || repeat('0', 64)"),
    "no key": _context("':{b}::0:1:1:' || repeat('0', 64)"),
    "empty signature": _context("'1:{b}::0:1:1:'"),
    "signature of an empty key": _context(
        "'1:{b}::0:' || (extract(epoch from now())*1000000)::bigint || ':' || pg_backend_pid() || ':' ||"
        " encode(sha256(convert_to('1:{b}::0', 'UTF8')), 'hex')"
    ),
    "key number as text": _context("'1 OR true:{b}::0:1:1:' || repeat('f', 64)"),
    "two contexts": _context("'{own}' || E'\\n' || '{live}'"),
    "null": _context("NULL"),
    "reset": "RESET ALL; " + _LOOK,
    "SET LOCAL": "SET LOCAL app.ctx = '{live}'; " + _LOOK,
    "database setting": "ALTER DATABASE postgres SET app.ctx = '{live}'",
    "context as a query's side effect": "SELECT p.* FROM (SELECT set_config('app.ctx', '{live}', true)) s, patients p",
}

KEYS: Final = {
    "keys": "SELECT * FROM ctx.key",
    "keys by COPY": "COPY ctx.key TO STDOUT",
    "keys by statistics": "SELECT most_common_vals FROM pg_stats WHERE tablename = 'key'",
    "statistics themselves": "SELECT stavalues1 FROM pg_catalog.pg_statistic",
    "keys by file": "SELECT pg_read_binary_file(pg_relation_filepath('ctx.key'))",
    "keys by large object": "SELECT lo_import('/etc/passwd')",
    "claims": "SELECT * FROM ctx.claims",
    "owner's way in": "SELECT ctx.enter('{b}')",
    "answers made anew": "CREATE OR REPLACE FUNCTION ctx.tenant() RETURNS uuid LANGUAGE sql AS 'SELECT ''{b}''::uuid'",
    "answers altered": "ALTER FUNCTION ctx.tenant() SECURITY INVOKER",
    "answers dropped": "DROP FUNCTION ctx.tenant() CASCADE",
    "server's log and configuration": "SELECT pg_read_file('postgresql.conf'); SELECT pg_ls_dir('.')",
    "programs": "COPY (SELECT 1) TO PROGRAM 'id'; COPY patients FROM PROGRAM 'id'",
    "file on the server": "COPY patients TO '/tmp/out'",
}

ROLES: Final = {
    "owner": "SET ROLE caretide_owner; " + _LOOK,
    "administrator": "SET SESSION AUTHORIZATION caretide_admin; " + _LOOK,
    "worker": "SET ROLE caretide_worker; " + _LOOK,
    "security off": "SET row_security = off; " + _LOOK,
    "replica": "SET session_replication_role = replica; " + _LOOK,
    "bypass": "ALTER ROLE caretide_app BYPASSRLS; " + _LOOK,
    "membership": "GRANT caretide_owner TO caretide_app; SET ROLE caretide_owner; " + _LOOK,
    "a role of one's own": "CREATE ROLE thief SUPERUSER LOGIN",
    "drop what is owned": "DROP OWNED BY caretide_app CASCADE; " + _LOOK,
    "reassign": "REASSIGN OWNED BY caretide_owner TO caretide_app",
    "policy altered": "ALTER POLICY tenant ON patients USING (true)",
    "policy dropped": "DROP POLICY tenant ON patients; " + _LOOK,
    "policy added": "CREATE POLICY mine ON patients USING (true); " + _LOOK,
    "security disabled": "ALTER TABLE patients DISABLE ROW LEVEL SECURITY; " + _LOOK,
    "force lifted": "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY; " + _LOOK,
    "grants": "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; TRUNCATE patients CASCADE",
    "parameter": "ALTER SYSTEM SET log_statement = 'all'",
}

SHADOWS: Final = {
    "schema": "CREATE SCHEMA evil",
    "temporary table": "CREATE TEMP TABLE key (kid int, ipad bytea, opad bytea)",
    "table": "CREATE TABLE public.stolen AS SELECT * FROM patients",
    "function": "CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT ''''::bytea'",
    "operator": "CREATE OPERATOR public.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = byteaeq)",
    "cast": "CREATE CAST (text AS uuid) WITH INOUT AS IMPLICIT",
    "domain": "CREATE DOMAIN public.uuid AS text",
    "search path": "SET search_path = pg_temp, evil, public, pg_catalog; " + _LOOK,
    "trigger": "CREATE TRIGGER steal BEFORE UPDATE ON patients FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "rule": "CREATE RULE steal AS ON SELECT TO patients DO INSTEAD SELECT * FROM time_log_entries",
    "view": "CREATE VIEW public.all_of_them AS SELECT * FROM patients",
    "extension": "CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw; CREATE EXTENSION file_fdw",
    "language": "CREATE LANGUAGE plpython3u; DO $$ import os $$ LANGUAGE plpython3u",
    "anonymous block": "DO $$ BEGIN PERFORM set_config('app.ctx', '{live}', true); RAISE NOTICE '%',"
    " (SELECT string_agg(p::text, ',') FROM patients p); END $$",
    "block that asks the catalogue": "DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE"
    " 'SELECT * FROM patients' LOOP RAISE NOTICE '%', r; END LOOP; END $$",
    "publication": "CREATE PUBLICATION p FOR ALL TABLES; SELECT pg_create_logical_replication_slot('s', 'pgoutput')",
    "subscription": "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p",
    "foreign server": "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
}

LEAKS: Final = {
    "cast that fails": "SELECT * FROM patients WHERE (patients::text)::int > 0",
    "division by their rows": "SELECT 1 / (SELECT count(*) FROM patients WHERE tenant_id = '{b}')",
    "cheap operator first": "SELECT * FROM patients WHERE patients::text ~ 'THEIRS' AND tenant_id = '{b}'",
    "error with the value": "SELECT * FROM patients WHERE CASE WHEN tenant_id = '{b}' THEN patients::text::int > 0 END",
    "by row's place": "SELECT * FROM patients WHERE ctid = ANY (ARRAY['(0,1)','(0,2)','(0,3)','(0,4)']::tid[])",
    "sample": "SELECT * FROM patients TABLESAMPLE BERNOULLI (100)",
    "statistics": "SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE schemaname = 'public'",
    "extended statistics": "SELECT * FROM pg_stats_ext",
    "plan with its filters": "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM patients WHERE tenant_id = '{b}'",
    "running statements": "SELECT query FROM pg_stat_activity",
    "past statements": "SELECT query FROM pg_stat_statements",
    "prepared statements": "SELECT statement FROM pg_prepared_statements",
    "cursors": "SELECT * FROM pg_cursors; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM patients; FETCH ALL c",
    "other databases": "SELECT * FROM dblink('dbname=postgres', 'SELECT 1') AS t(i int)",
    "notifications": "LISTEN procrastinate_queue; NOTIFY x, 'y'",
    "queue": "SELECT * FROM jobs.procrastinate_jobs",
    "queue's events": "SELECT * FROM jobs.procrastinate_events",
    "XML of a query": "SELECT query_to_xml('SELECT * FROM patients', true, true, '')",
    "XML of the schema": "SELECT schema_to_xml('public', true, true, '')",
    "locks on rows": "SELECT * FROM patients FOR UPDATE SKIP LOCKED",
    "recursive": "WITH RECURSIVE r AS (SELECT p.* FROM patients p UNION SELECT q.* FROM patients q, r) SELECT * FROM r",
    "union of all": "SELECT row_to_json(p)::text FROM patients p"
    " UNION ALL SELECT row_to_json(e)::text FROM time_log_entries e",
    "raw pages": "SELECT * FROM heap_page_items(get_raw_page('patients', 0))",
    "accounts' time": "SELECT * FROM account_intervals",
}

WRITES: Final = {
    "insert for them": "INSERT INTO audit_events SELECT"
    " (json_populate_record(e, json_build_object('tenant_id', '{b}'))).* FROM audit_events e",
    "update theirs": "UPDATE patients SET tenant_id = tenant_id WHERE tenant_id = '{b}'",
    "give away": "UPDATE patients SET tenant_id = '{b}'",
    "delete theirs": "DELETE FROM conditions WHERE tenant_id = '{b}'",
    "merge": "MERGE INTO conditions c USING (SELECT 1) s ON c.tenant_id = '{b}' WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE patients CASCADE",
    "lock everybody out": "LOCK TABLE patients IN ACCESS EXCLUSIVE MODE",
    "a job for them": "SELECT jobs.enqueue_many('time_log.seal',"
    " json_build_array(json_build_object('args', json_build_object('tenant', '{b}'))))",
    "a job by hand": "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args)"
    " VALUES ('default', 'x', json_build_object('tenant', '{b}'))",
    "designate oneself": "INSERT INTO designations (tenant_id, id, patient_id, member_id, valid_from)"
    " SELECT '{b}', gen_random_uuid(), '{row}', '{row}', now()",
    "cover oneself": "INSERT INTO covers (tenant_id, id, absent_id, cover_id, clinic_id, first_on, last_on, starts_at,"
    " ends_at) SELECT '{b}', gen_random_uuid(), '{row}', '{row}', '{row}', '2020-01-01', '2099-01-01', '2020-01-01',"
    " '2099-01-01'",
    "duty for their clinic": "INSERT INTO pool_duties (tenant_id, id, clinic_id, member_id, first_on, from_minute,"
    " until_minute) SELECT '{b}', gen_random_uuid(), '{row}', '{row}', '2020-01-01', 0, 1440",
    "password of the role": "ALTER ROLE caretide_worker PASSWORD 'x'",
}

ATTACKS: Final = {
    f"{kind}: {name}": script
    for kind, scripts in (
        ("context", CONTEXTS),
        ("keys", KEYS),
        ("roles", ROLES),
        ("shadow", SHADOWS),
        ("leak", LEAKS),
        ("write", WRITES),
    )
    for name, script in scripts.items()
}
"""Every attack, by kind and name."""

NEW: Final = "gen_random_uuid(), clock_timestamp()"

CLIMBS: Final = {
    "designation": "INSERT INTO designations (id, valid_from, patient_id, member_id) SELECT {new}, '{next}', '{me}'",
    "another's designation": "UPDATE designations SET valid_to = NULL; UPDATE designations SET member_id = '{me}'",
    "cover": "INSERT INTO covers (id, recorded_at, absent_id, cover_id, clinic_id, first_on, last_on, starts_at,"
    " ends_at) SELECT {new}, '{next}', '{me}', '{me}', '2020-01-01', '2099-01-01', '2020-01-01', '2099-01-01'",
    "another's cover": "UPDATE covers SET cover_id = '{me}'; UPDATE covers SET ended_at = NULL, ended_by = '{me}'",
    "duty": "INSERT INTO pool_duties (id, recorded_at, clinic_id, member_id, first_on, from_minute, until_minute)"
    " SELECT {new}, '{next}', '{me}', '2020-01-01', 0, 1440",
    "another's duty": "UPDATE pool_duties SET member_id = '{me}'; UPDATE pool_duties SET ended_at = NULL",
    "clinic's calendar": "SET timezone = 'Pacific/Kiritimati'; SET datestyle = 'German'; SET extra_float_digits = 0",
    "another clinic for one's patient": "UPDATE patients SET clinic_id = '{next}'; SELECT ctx.duty();"
    " UPDATE patients SET clinic_id = '{me}'",
    "another's patient to one's clinic": "UPDATE patients SET clinic_id = '{me}' WHERE id = '{next}'",
    "emergency access by hand": "INSERT INTO glass_openings (id, patient_id, used_by, category, reason, opened_at,"
    " until) SELECT gen_random_uuid(), '{next}', '{me}', 'urgent', '\\x00', now(), now() + interval '1 hour'",
    "another's emergency access": "UPDATE glass_openings SET used_by = '{me}', ended_at = NULL",
    "emergency access for ever": "UPDATE glass_openings SET until = 'infinity', patient_id = '{next}'",
    "emergency access without being named": "SELECT ctx.break_glass(gen_random_uuid(), '{next}', 'urgent', '\\x00')",
    "naming oneself": "INSERT INTO tenant_settings (id, name, value, recorded_at) SELECT gen_random_uuid(),"
    " 'administrators_see_health', 'true', now()",
    "somebody's name beyond the roster": "SELECT * FROM ctx.find_beyond('{next}', NULL, NULL, NULL)",
    "a review in another's name": "INSERT INTO glass_reviews (id, opening_id, used_by, reviewed_by, verdict)"
    " SELECT gen_random_uuid(), id, used_by, '{next}', 'appropriate' FROM glass_openings",
    "the question asked for all": "SELECT ctx.answered('{next}', now()), ctx.roster(), ctx.duty()",
    "the wall left open": "SELECT ctx.answered(p, now()) FROM unnest(ARRAY['{next}', NULL]::uuid[]) p;"
    " SELECT ctx.answered('{me}', 'infinity'); SELECT ctx.answered('{me}', '-infinity')",
    "the owner's way in, unwalled": "SELECT ctx.enter('{tenant}', '{me}', false)",
}
"""What somebody behind the roster's wall would try, to see the next member's patient: `{me}`, `{next}`, `{tenant}`."""

PLANT: Final = """
    DO $$ DECLARE s record; BEGIN
        FOR s IN SELECT name FROM pg_prepared_statements LOOP
            EXECUTE format('DEALLOCATE %I', s.name);
            EXECUTE format('PREPARE %I AS SELECT set_config(''evil.stash'', (SELECT string_agg(p::text, '','')
                FROM patients p), false)', s.name);
        END LOOP;
    END $$;
    PREPARE planted AS SELECT set_config('evil.stash', (SELECT string_agg(p::text, ',') FROM patients p), false)
"""
"""What no signature stops: the attacker's statement in the place of the driver's own, for the next tenant to run."""
