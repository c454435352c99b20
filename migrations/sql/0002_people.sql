-- Companies, and what a member brings: languages, licenses, hours. Run as the owner.

-- A service company whose staff work in several tenants. A name and nothing of a patient: outside the tenant wall.
CREATE TABLE companies (
    id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    is_generated BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT companies_pkey PRIMARY KEY (id),
    CONSTRAINT companies_slug_key UNIQUE (slug)
);

-- Which company serves the tenant, from when until when. Behind the wall: only the tenant says who serves it.
CREATE TABLE company_services (
    company_id UUID NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT company_services_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT company_services_forward_check CHECK (ended_at >= began_at),
    CONSTRAINT company_services_company_id_fkey FOREIGN KEY(company_id) REFERENCES companies (id)
);
CREATE UNIQUE INDEX company_services_standing_idx ON company_services (tenant_id) WHERE ended_at IS NULL;

ALTER TABLE members
    ADD COLUMN languages TEXT[] DEFAULT '{}'::text[] NOT NULL,
    ADD COLUMN weekly_hours NUMERIC(4, 1),
    ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT members_weekly_hours_check CHECK (weekly_hours > 0 AND weekly_hours <= 80);

-- What a member is licensed as, and where. A license that is given up or renewed is withdrawn; its row stays.
CREATE TABLE member_licenses (
    member_id UUID NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    number TEXT NOT NULL,
    expires_on DATE NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT member_licenses_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT member_licenses_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id)
);
CREATE UNIQUE INDEX member_licenses_standing_idx ON member_licenses (tenant_id, member_id, kind, state)
    WHERE withdrawn_at IS NULL;

-- Nobody is suspended over running time: it would never be recorded, or be recorded for somebody who is gone.
CREATE FUNCTION members_suspend_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM timers AS t WHERE t.tenant_id = NEW.tenant_id AND t.member_id = NEW.id) THEN
        RAISE EXCEPTION 'This person''s timer is running; stop it first, so that its time is recorded';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER members_suspend_guard BEFORE UPDATE OF status ON members
    FOR EACH ROW WHEN (NEW.status = 'suspended' AND OLD.status <> 'suspended')
    EXECUTE FUNCTION members_suspend_guard();

-- The other side of the same: the share lock makes a start and a suspension wait for each other.
CREATE FUNCTION timers_member_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    standing text;
BEGIN
    SELECT m.status INTO standing FROM members AS m
    WHERE m.tenant_id = NEW.tenant_id AND m.id = NEW.member_id FOR SHARE;
    IF standing = 'suspended' THEN
        RAISE EXCEPTION 'This person''s access has ended; no time can be recorded for them';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER timers_member_guard BEFORE INSERT ON timers
    FOR EACH ROW EXECUTE FUNCTION timers_member_guard();

-- A clinic's calendar decides to which month and day a second belongs: it stands once one was recorded by it.
CREATE FUNCTION clinics_zone_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM time_log_entries AS e WHERE e.tenant_id = NEW.tenant_id AND e.clinic_id = NEW.id)
        OR EXISTS (SELECT FROM timers AS t WHERE t.tenant_id = NEW.tenant_id AND t.clinic_id = NEW.id) THEN
        RAISE EXCEPTION 'Time was recorded by this clinic''s calendar, which says to what month it belongs: '
            'the time zone cannot change any more';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER clinics_zone_guard BEFORE UPDATE OF time_zone ON clinics
    FOR EACH ROW WHEN (NEW.time_zone IS DISTINCT FROM OLD.time_zone)
    EXECUTE FUNCTION clinics_zone_guard();

-- How many of this tenant's jobs wait and have failed, by verb: counts, never arguments.
CREATE FUNCTION jobs.standing() RETURNS TABLE (verb text, waiting bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, jobs
BEGIN ATOMIC
    SELECT j.task_name,
        count(*) FILTER (WHERE j.status IN ('todo', 'doing')),
        count(*) FILTER (WHERE j.status = 'failed')
    FROM jobs.procrastinate_jobs AS j
    WHERE j.status IN ('todo', 'doing', 'failed') AND j.args ->> 'tenant' = ctx.tenant()::text
    GROUP BY j.task_name;
END;
CREATE INDEX procrastinate_jobs_tenant_idx ON jobs.procrastinate_jobs ((args ->> 'tenant'), task_name)
    WHERE status IN ('todo', 'doing', 'failed');
GRANT EXECUTE ON FUNCTION jobs.standing() TO caretide_app, caretide_worker;
