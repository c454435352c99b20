-- Wall one, signed. `app.ctx` is kid:tenant:member:walled:started:pid:mac - the key's number, tenant and member (which may
-- be empty), 0 for who sees every patient, the transaction's start in microseconds, the backend's process, and the
-- HMAC-SHA256 of all that before it in hexadecimal digits. Bound to one transaction of one backend, it is dead at COMMIT
-- and in every other session: nothing is stored, nothing expires.
--
-- HMAC of core sha256(): each key is kept as its two padded forms (RFC 2104), 64 bytes each. Nothing here is granted to
-- anybody. Key 0 is the owner's own, made here and never outside: data migrations sign with it.
CREATE TABLE ctx.key (
    kid integer PRIMARY KEY CHECK (kid >= 0),
    ipad bytea NOT NULL CHECK (length(ipad) = 64),
    opad bytea NOT NULL CHECK (length(opad) = 64)
);
CREATE FUNCTION ctx.random_pad() RETURNS bytea LANGUAGE sql VOLATILE SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT sha256(convert_to(string_agg(gen_random_uuid()::text, ''), 'UTF8')) FROM generate_series(1, 4);
END;
INSERT INTO ctx.key VALUES (
    0, ctx.random_pad() || ctx.random_pad(), ctx.random_pad() || ctx.random_pad()
);
DROP FUNCTION ctx.random_pad();

-- The transaction and the backend that a context must name.
CREATE VIEW ctx.here WITH (security_invoker = true) AS
    SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text AS started, pg_backend_pid()::text AS pid;

-- What the context claims, if its signature holds: one row or none. Both sides are hashed once more, so that the time
-- which a comparison takes tells nothing.
CREATE VIEW ctx.claims WITH (security_invoker = true) AS
    SELECT split_part(t, ':', 2)::uuid AS tenant, nullif(split_part(t, ':', 3), '')::uuid AS member,
        split_part(t, ':', 4) <> '0' AS walled
    FROM (SELECT current_setting('app.ctx', true) AS t OFFSET 0) AS given,
    -- One key or none. As a plain join it is hashed, which takes longer than verifying.
    LATERAL (SELECT k.ipad, k.opad FROM ctx.key AS k WHERE k.kid::text = split_part(t, ':', 1) OFFSET 0) AS k
    WHERE sha256(convert_to(encode(sha256(k.opad || sha256(k.ipad || convert_to(left(t, -65), 'UTF8'))), 'hex'), 'UTF8'))
            = sha256(convert_to(right(t, 64), 'UTF8'))
        AND split_part(t, ':', 5) = (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text
        AND split_part(t, ':', 6) = pg_backend_pid()::text;

-- The questions that policies, defaults and triggers ask. A body in BEGIN ATOMIC is bound to what it names when it is made:
-- nothing that a caller creates can come between. Each costs some ten microseconds, so policies ask once a statement.
CREATE OR REPLACE FUNCTION ctx.tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT coalesce((SELECT c.tenant FROM ctx.claims AS c), ctx.deny());
END;

CREATE OR REPLACE FUNCTION ctx.member() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT c.member FROM ctx.claims AS c;
END;

CREATE OR REPLACE FUNCTION ctx.sees_all() RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT coalesce((SELECT NOT c.walled FROM ctx.claims AS c), false);
END;

-- The second wall's question: which patients may this member see now? Every reason to see somebody is one SELECT that
-- starts from `me`; another is added with UNION ALL. Only tables without a roster wall of their own may be read here, or
-- the policy would ask itself; and "today" is a clinic's, never the session's, whose time zone anybody may set.
CREATE OR REPLACE FUNCTION ctx.roster() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    WITH me AS MATERIALIZED (SELECT c.tenant, c.member FROM ctx.claims AS c)
    SELECT array(
        SELECT d.patient_id FROM me
        JOIN public.designations AS d ON d.tenant_id = me.tenant AND d.member_id = me.member
            AND d.valid_from <= statement_timestamp()
            AND (d.valid_to IS NULL OR d.valid_to > statement_timestamp())
    );
END;

-- What the application signs: the keys' numbers, newest first, then transaction and backend.
CREATE FUNCTION ctx.opening() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT concat_ws(
        ':',
        (SELECT coalesce(string_agg(k.kid::text, ',' ORDER BY k.kid DESC), '') FROM ctx.key AS k WHERE k.kid > 0),
        h.started, h.pid
    )
    FROM ctx.here AS h;
END;
GRANT EXECUTE ON FUNCTION ctx.opening() TO caretide_app, caretide_worker, caretide_gateway;

-- The owner's way in, for data migrations: into one tenant after another, until the transaction ends. Whoever calls it must
-- be able to read the keys.
CREATE FUNCTION ctx.enter(tenant uuid, member uuid DEFAULT NULL, walled boolean DEFAULT false) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT set_config(
        'app.ctx',
        s.body || ':' || encode(sha256(k.opad || sha256(k.ipad || convert_to(s.body, 'UTF8'))), 'hex'),
        true
    )
    FROM ctx.key AS k, ctx.here AS h,
        LATERAL (SELECT concat_ws(':', '0', tenant, coalesce(member::text, ''), walled::int, h.started, h.pid)) AS s(body)
    WHERE k.kid = 0;
END;

-- Asked per row, the context would be verified per row.
CREATE OR REPLACE FUNCTION jobs.waiting(verb text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, jobs
BEGIN ATOMIC
    SELECT count(*) FROM jobs.procrastinate_jobs AS j
    WHERE j.task_name = verb AND j.status IN ('todo', 'doing') AND j.args ->> 'tenant' = (SELECT ctx.tenant()::text);
END;
CREATE OR REPLACE FUNCTION jobs.standing() RETURNS TABLE (verb text, waiting bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, jobs
BEGIN ATOMIC
    SELECT j.task_name,
        count(*) FILTER (WHERE j.status IN ('todo', 'doing')),
        count(*) FILTER (WHERE j.status = 'failed')
    FROM jobs.procrastinate_jobs AS j
    WHERE j.status IN ('todo', 'doing', 'failed') AND j.args ->> 'tenant' = (SELECT ctx.tenant()::text)
    GROUP BY j.task_name;
END;
