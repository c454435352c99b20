-- Frozen facts name patients: they are sealed with the tenant's key from here on. The first byte tells the form: 0 is
-- JSON as it was written before this revision, whose writer had no key at hand.
ALTER TABLE patient_months
    ALTER COLUMN facts TYPE bytea USING decode('00', 'hex') || convert_to(facts::text, 'UTF8'),
    -- Deflated already: PostgreSQL would try once more, in vain.
    ALTER COLUMN facts SET STORAGE EXTERNAL;

-- In place of `jobs.enqueue`, for any number of calls at once: tenant and member come from the context, whatever the
-- items say.
DROP FUNCTION jobs.enqueue(text, text, jsonb);
CREATE FUNCTION jobs.enqueue_many(verb text, items json) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, jobs
BEGIN ATOMIC
    WITH context AS MATERIALIZED (SELECT ctx.tenant() AS tenant, ctx.member() AS member),
    queued AS (
        INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, queueing_lock, args)
        SELECT 'default', verb, context.tenant::text || ' ' || verb || ' ' || item.once,
            item.args || jsonb_build_object('tenant', context.tenant, 'member', context.member)
        FROM context, json_to_recordset(items) AS item(once text, args jsonb)
        ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM queued;
END;
REVOKE EXECUTE ON FUNCTION jobs.enqueue_many(text, json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.enqueue_many(text, json) TO caretide_app, caretide_worker;
