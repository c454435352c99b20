-- The record nobody can alter. The application may insert, and void once with a reason; nothing else, for anybody.
CREATE FUNCTION public.time_log_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'Time entries are never deleted; void the entry instead';
    END IF;
    IF OLD.is_void OR NOT NEW.is_void OR NEW.void_reason IS NULL OR NEW.voided_at IS NULL THEN
        RAISE EXCEPTION 'A time entry can only be voided, once, with a reason';
    END IF;
    IF NEW.voided_by IS DISTINCT FROM ctx.member() THEN
        RAISE EXCEPTION 'A time entry is voided in one''s own name';
    END IF;
    -- duration_secs is generated and still NULL in NEW here, so the comparison leaves it out.
    IF to_jsonb(NEW) - '{is_void,void_reason,voided_by,voided_at,duration_secs}'::text[]
        IS DISTINCT FROM to_jsonb(OLD) - '{is_void,void_reason,voided_by,voided_at,duration_secs}'::text[] THEN
        RAISE EXCEPTION 'A time entry cannot be changed; void it and record a new one';
    END IF;
    RETURN NEW;
END $$;

-- What everything about one clinic's month takes: shared by those who record time, alone by those who lock the month.
-- Without it an entry and a lock that do not see each other could both commit.
CREATE FUNCTION ctx.month_key(tenant uuid, clinic uuid, month date) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN hashtextextended(tenant::text || clinic::text || to_char(month, 'YYYY-MM-DD'), 0);

-- The first day of the month, in the clinic's own calendar, that a moment lies in.
CREATE FUNCTION ctx.month_at(tenant uuid, clinic uuid, moment timestamptz) RETURNS date LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT date_trunc('month', moment AT TIME ZONE c.time_zone)::date
    FROM public.clinics AS c WHERE c.tenant_id = tenant AND c.id = clinic;
END;

-- A closed month takes no new time and gives none up.
CREATE FUNCTION public.month_lock_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    month date;
BEGIN
    IF TG_TABLE_NAME = 'timers' THEN
        month := ctx.month_at(NEW.tenant_id, NEW.clinic_id, NEW.started_at);
    ELSE
        month := NEW.service_month;
        IF TG_OP = 'INSERT' AND (
            month <> ctx.month_at(NEW.tenant_id, NEW.clinic_id, NEW.start_time)
            OR month <> ctx.month_at(NEW.tenant_id, NEW.clinic_id, NEW.end_time - interval '1 second')
        ) THEN
            RAISE EXCEPTION 'A time entry lies within the one month of the clinic''s calendar that it names';
        END IF;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(ctx.month_key(NEW.tenant_id, NEW.clinic_id, month));
    IF EXISTS (
        SELECT FROM public.month_locks AS l
        WHERE l.tenant_id = NEW.tenant_id AND l.clinic_id = NEW.clinic_id AND l.service_month = month
          AND l.released_at IS NULL
    ) THEN
        RAISE EXCEPTION 'This month is closed for the clinic; its time can no longer change';
    END IF;
    RETURN NEW;
END $$;

-- A month that is being locked has no time still running in it: that time could never be recorded.
CREATE FUNCTION public.month_locking_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(ctx.month_key(NEW.tenant_id, NEW.clinic_id, NEW.service_month));
    IF TG_OP = 'UPDATE' AND (OLD.released_at IS NOT NULL OR NEW.released_at IS NULL) THEN
        RAISE EXCEPTION 'A month''s lock is released once';
    END IF;
    IF TG_OP = 'INSERT' AND EXISTS (
        SELECT FROM public.timers AS t
        WHERE t.tenant_id = NEW.tenant_id AND t.clinic_id = NEW.clinic_id
          AND ctx.month_at(t.tenant_id, t.clinic_id, t.started_at) <= NEW.service_month
    ) THEN
        RAISE EXCEPTION 'A timer that began in this month still runs at the clinic; have it stopped first';
    END IF;
    RETURN NEW;
END $$;

-- An account is in one place at a time, in all tenants together. Its intervals are kept here and read by nobody. What
-- they clash with may be another tenant's: the refusal says nothing of it, so PostgreSQL's own detail is replaced.
CREATE FUNCTION public.account_time_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    taken tstzrange;
    whose uuid;
BEGIN
    IF TG_TABLE_NAME = 'timers' THEN
        IF TG_OP = 'DELETE' THEN
            DELETE FROM public.account_intervals
            WHERE account_id = OLD.account_id AND during = tstzrange(OLD.started_at, NULL);
            RETURN OLD;
        END IF;
        taken := tstzrange(NEW.started_at, NULL);
        whose := NEW.member_id;
    ELSE
        IF TG_OP = 'UPDATE' THEN
            DELETE FROM public.account_intervals
            WHERE account_id = NEW.account_id AND during = tstzrange(NEW.start_time, NEW.end_time);
            RETURN NEW;
        END IF;
        taken := tstzrange(NEW.start_time, NEW.end_time);
        whose := NEW.coordinator_id;
    END IF;
    -- Another's account, or none, would leave the member's own account free to be in two places.
    IF NEW.account_id IS DISTINCT FROM (
        SELECT m.account_id FROM public.members AS m WHERE m.tenant_id = NEW.tenant_id AND m.id = whose
    ) THEN
        RAISE EXCEPTION 'Time is recorded under the account of the member whose time it is';
    END IF;
    IF NEW.account_id IS NOT NULL THEN
        BEGIN
            INSERT INTO public.account_intervals VALUES (NEW.account_id, taken);
        EXCEPTION WHEN exclusion_violation OR unique_violation THEN
            RAISE EXCEPTION 'This time overlaps time that is already running or recorded for you'
                USING ERRCODE = 'exclusion_violation';
        END;
    END IF;
    RETURN NEW;
END $$;

REVOKE EXECUTE ON FUNCTION public.account_time_guard() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ctx.month_key(uuid, uuid, date), ctx.month_at(uuid, uuid, timestamptz)
    TO caretide_app, caretide_worker, caretide_gateway;

CREATE TRIGGER a_guard BEFORE UPDATE OR DELETE ON public.time_log_entries
    FOR EACH ROW EXECUTE FUNCTION public.time_log_guard();
CREATE TRIGGER a_guard_truncate BEFORE TRUNCATE ON public.time_log_entries
    FOR EACH STATEMENT EXECUTE FUNCTION public.time_log_guard();
CREATE TRIGGER b_month_lock BEFORE INSERT OR UPDATE ON public.time_log_entries
    FOR EACH ROW EXECUTE FUNCTION public.month_lock_guard();
CREATE TRIGGER b_month_lock BEFORE INSERT ON public.timers
    FOR EACH ROW EXECUTE FUNCTION public.month_lock_guard();
CREATE TRIGGER b_month_locking BEFORE INSERT OR UPDATE ON public.month_locks
    FOR EACH ROW EXECUTE FUNCTION public.month_locking_guard();
CREATE TRIGGER c_account_time AFTER INSERT OR UPDATE ON public.time_log_entries
    FOR EACH ROW EXECUTE FUNCTION public.account_time_guard();
CREATE TRIGGER c_account_time AFTER INSERT OR DELETE ON public.timers
    FOR EACH ROW EXECUTE FUNCTION public.account_time_guard();
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER a_guard;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER a_guard_truncate;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER b_month_lock;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER c_account_time;
ALTER TABLE public.timers ENABLE ALWAYS TRIGGER b_month_lock;
ALTER TABLE public.timers ENABLE ALWAYS TRIGGER c_account_time;
ALTER TABLE public.month_locks ENABLE ALWAYS TRIGGER b_month_locking;

-- The roster wall of time: the patients of the roster, and what members made themselves, so that a timer can be stopped
-- and its seconds recorded though the patient went to somebody else meanwhile. Members who are walled in start timers
-- and record time in their own name only, for patients who are or once were theirs.
CREATE POLICY roster ON public.timers AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (
        (SELECT ctx.sees_all()) OR patient_id = ANY ((SELECT ctx.roster())::uuid[])
        OR member_id = (SELECT ctx.member())
    )
    WITH CHECK (
        (SELECT ctx.sees_all())
        OR (patient_id = ANY ((SELECT ctx.roster())::uuid[]) AND member_id = (SELECT ctx.member()))
    );
CREATE POLICY own_timer ON public.timers AS RESTRICTIVE FOR DELETE TO PUBLIC
    USING ((SELECT ctx.sees_all()) OR member_id = (SELECT ctx.member()));
CREATE POLICY roster ON public.time_log_entries AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (
        (SELECT ctx.sees_all()) OR patient_id = ANY ((SELECT ctx.roster())::uuid[])
        OR coordinator_id = (SELECT ctx.member())
    )
    WITH CHECK (
        (SELECT ctx.sees_all())
        OR (
            coordinator_id = (SELECT ctx.member())
            AND EXISTS (
                SELECT FROM public.designations AS d
                WHERE d.tenant_id = time_log_entries.tenant_id AND d.patient_id = time_log_entries.patient_id
                  AND d.member_id = time_log_entries.coordinator_id AND d.valid_from <= time_log_entries.start_time
            )
        )
    );
