-- The queue's doorway: one definer function enqueues, and stamps tenant and member from the context. Run as the owner
-- after procrastinate's own schema.
CREATE FUNCTION jobs.enqueue(verb text, once text, args jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, jobs AS $$
DECLARE
    wait_key text := ctx.tenant()::text || ' ' || verb || ' ' || once;
    job_id bigint;
BEGIN
    INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, queueing_lock, args)
    VALUES ('default', verb, wait_key, args || jsonb_build_object('tenant', ctx.tenant(), 'member', ctx.member()))
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    RETURNING id INTO job_id;
    RETURN job_id;
END $$;

-- How many of this tenant's jobs with a verb are not finished: all that a page may learn about the queue.
CREATE FUNCTION jobs.waiting(verb text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, jobs
BEGIN ATOMIC
    SELECT count(*) FROM jobs.procrastinate_jobs AS j
    WHERE j.task_name = verb AND j.status IN ('todo', 'doing') AND j.args ->> 'tenant' = ctx.tenant()::text;
END;

GRANT EXECUTE ON FUNCTION jobs.enqueue(text, text, jsonb), jobs.waiting(text) TO caretide_app, caretide_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO caretide_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO caretide_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO caretide_worker;
