-- A waiver of separated duties, for a clinic too small to separate them: recorded by an administrator, for a year at
-- most, and named by every decision that rests on it. Run as the owner.
CREATE TABLE duty_waivers (
    duty TEXT NOT NULL,
    member_id UUID NOT NULL,
    reason BYTEA NOT NULL,
    granted_by UUID NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_on DATE NOT NULL,
    ended_by UUID,
    ended_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT duty_waivers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT duty_waivers_tenant_id_member_id_fkey
        FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT duty_waivers_tenant_id_granted_by_fkey
        FOREIGN KEY(tenant_id, granted_by) REFERENCES members (tenant_id, id),
    CONSTRAINT duty_waivers_tenant_id_ended_by_fkey
        FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id),
    -- What a decision points at: with the member, so that it rests on nobody else's.
    CONSTRAINT duty_waivers_tenant_id_id_member_id_key UNIQUE (tenant_id, id, member_id),
    CONSTRAINT duty_waivers_duty_check CHECK (duty IN ('approve_own_time')),
    CONSTRAINT duty_waivers_ends_on_check CHECK (
        ends_on >= (granted_at AT TIME ZONE 'UTC')::date
        AND ends_on <= (granted_at AT TIME ZONE 'UTC')::date + interval '1 year'
    ),
    CONSTRAINT duty_waivers_ended_check CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);

-- An administrator signs, in their own name; for themselves only where there is no other to ask.
CREATE FUNCTION public.duty_waiver_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended_at IS NOT NULL OR NEW.ended_by IS DISTINCT FROM ctx.member() THEN
            RAISE EXCEPTION 'A waiver is ended once, in one''s own name';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.granted_by IS DISTINCT FROM ctx.member() OR NOT EXISTS (
        SELECT FROM public.members AS m WHERE m.tenant_id = NEW.tenant_id AND m.id = NEW.granted_by
            AND m.role = 'administrator' AND m.status = 'active'
    ) THEN
        RAISE EXCEPTION 'An administrator records a waiver, in their own name';
    END IF;
    IF NEW.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'A waiver is ended after it was recorded';
    END IF;
    IF NEW.member_id = NEW.granted_by AND EXISTS (
        SELECT FROM public.members AS m WHERE m.tenant_id = NEW.tenant_id AND m.id <> NEW.granted_by
            AND m.role = 'administrator' AND m.status = 'active'
    ) THEN
        RAISE EXCEPTION 'Nobody records a waiver for themselves while there is another administrator; ask them';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_guard BEFORE INSERT OR UPDATE ON duty_waivers
    FOR EACH ROW EXECUTE FUNCTION public.duty_waiver_guard();
ALTER TABLE duty_waivers ENABLE ALWAYS TRIGGER a_guard;

-- A decision over one's own time says by which waiver. Whoever decides does not choose it: the guard finds it.
ALTER TABLE time_entry_approvals ADD COLUMN waiver_id UUID,
    DROP CONSTRAINT time_entry_approvals_second_person_check,
    ADD CONSTRAINT time_entry_approvals_second_person_check
        CHECK (approved_by <> coordinator_id OR waiver_id IS NOT NULL),
    -- Not validated: the rows that are there have none, and the check would look for them without a tenant's context.
    ADD CONSTRAINT time_entry_approvals_tenant_id_waiver_id_approved_by_fkey
        FOREIGN KEY (tenant_id, waiver_id, approved_by) REFERENCES duty_waivers (tenant_id, id, member_id) NOT VALID;
CREATE INDEX time_entry_approvals_waived_idx ON time_entry_approvals (tenant_id, entry_id) WHERE waiver_id IS NOT NULL;

-- As in 0003_time_sums, but for the waiver.
CREATE OR REPLACE FUNCTION public.approval_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    decided public.time_log_entries;
BEGIN
    SELECT * INTO decided FROM public.time_log_entries AS e
    WHERE e.tenant_id = NEW.tenant_id AND e.id = NEW.entry_id FOR NO KEY UPDATE;
    IF NOT FOUND OR decided.patient_id <> NEW.patient_id THEN
        RAISE EXCEPTION 'There is no such entry';
    END IF;
    IF NEW.approved_by IS DISTINCT FROM ctx.member() THEN
        RAISE EXCEPTION 'Time is approved in one''s own name';
    END IF;
    NEW.waiver_id := NULL;
    IF NEW.approved_by IN (decided.coordinator_id, decided.entered_by) THEN
        -- By the clock of whoever decides and by the database's own; held, so that it is not ended beside the decision.
        SELECT w.id INTO NEW.waiver_id FROM public.duty_waivers AS w
        WHERE w.tenant_id = NEW.tenant_id AND w.duty = 'approve_own_time' AND w.member_id = NEW.approved_by
            AND w.ended_at IS NULL AND w.granted_at <= NEW.decided_at
            AND w.ends_on >= (NEW.decided_at AT TIME ZONE 'UTC')::date
            AND w.ends_on >= (statement_timestamp() AT TIME ZONE 'UTC')::date
        ORDER BY w.granted_at DESC, w.id DESC LIMIT 1 FOR SHARE;
        IF NEW.waiver_id IS NULL THEN
            RAISE EXCEPTION 'A second person decides: not the one whose time it is, and not the one who entered it';
        END IF;
    END IF;
    IF decided.is_void THEN
        RAISE EXCEPTION 'This entry is void; there is nothing to decide';
    END IF;
    IF NOT ctx.awaits(decided.source) THEN
        RAISE EXCEPTION 'This entry counts without approval';
    END IF;
    IF EXISTS (
        SELECT FROM public.time_entry_approvals AS a WHERE a.tenant_id = NEW.tenant_id AND a.entry_id = NEW.entry_id
    ) THEN
        RAISE EXCEPTION 'This entry was decided before';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(
        ctx.month_key(decided.tenant_id, decided.clinic_id, decided.service_month)
    );
    IF EXISTS (
        SELECT FROM public.month_locks AS l
        WHERE l.tenant_id = decided.tenant_id AND l.clinic_id = decided.clinic_id
          AND l.service_month = decided.service_month AND l.released_at IS NULL
    ) THEN
        RAISE EXCEPTION 'This month is closed for the clinic; its time can no longer change';
    END IF;
    RETURN NEW;
END $$;
