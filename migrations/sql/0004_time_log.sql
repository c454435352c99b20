-- The record nobody can alter. The application may insert, and void once with a reason; nothing else, for anybody.
CREATE FUNCTION public.time_log_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'Time entries are never deleted; void the entry instead';
    END IF;
    IF OLD.is_void OR NOT NEW.is_void OR NEW.void_reason IS NULL THEN
        RAISE EXCEPTION 'A time entry can only be voided, once, with a reason';
    END IF;
    -- duration_secs is generated and still NULL in NEW here, so the comparison leaves it out.
    IF to_jsonb(NEW) - '{is_void,void_reason,voided_by,voided_at,duration_secs}'::text[]
        IS DISTINCT FROM to_jsonb(OLD) - '{is_void,void_reason,voided_by,voided_at,duration_secs}'::text[] THEN
        RAISE EXCEPTION 'A time entry cannot be changed; void it and record a new one';
    END IF;
    RETURN NEW;
END $$;

-- A closed month takes no new time and gives none up.
CREATE FUNCTION public.month_lock_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    -- Shared among entries, exclusive to the close: an entry that is not yet committed cannot be missed by it.
    PERFORM pg_advisory_xact_lock_shared(
        hashtextextended(NEW.tenant_id::text || NEW.clinic_id::text || NEW.service_month::text, 0));
    IF EXISTS (
        SELECT FROM public.month_locks AS l
        WHERE l.tenant_id = NEW.tenant_id AND l.clinic_id = NEW.clinic_id AND l.service_month = NEW.service_month
    ) THEN
        RAISE EXCEPTION 'This month is closed for the clinic; its time can no longer change';
    END IF;
    RETURN NEW;
END $$;

-- An account is in one place at a time, in all tenants together. Its intervals are kept here and read by nobody.
CREATE FUNCTION public.account_time_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_TABLE_NAME = 'timers' THEN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO public.account_intervals VALUES (NEW.account_id, tstzrange(NEW.started_at, NULL));
            RETURN NEW;
        END IF;
        DELETE FROM public.account_intervals
        WHERE account_id = OLD.account_id AND during = tstzrange(OLD.started_at, NULL);
        RETURN OLD;
    END IF;
    IF NEW.account_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.account_intervals VALUES (NEW.account_id, tstzrange(NEW.start_time, NEW.end_time));
    ELSE
        DELETE FROM public.account_intervals
        WHERE account_id = NEW.account_id AND during = tstzrange(NEW.start_time, NEW.end_time);
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_guard BEFORE UPDATE OR DELETE ON public.time_log_entries
    FOR EACH ROW EXECUTE FUNCTION public.time_log_guard();
CREATE TRIGGER a_guard_truncate BEFORE TRUNCATE ON public.time_log_entries
    FOR EACH STATEMENT EXECUTE FUNCTION public.time_log_guard();
CREATE TRIGGER b_month_lock BEFORE INSERT OR UPDATE ON public.time_log_entries
    FOR EACH ROW EXECUTE FUNCTION public.month_lock_guard();
CREATE TRIGGER c_account_time AFTER INSERT OR UPDATE ON public.time_log_entries
    FOR EACH ROW EXECUTE FUNCTION public.account_time_guard();
CREATE TRIGGER c_account_time AFTER INSERT OR DELETE ON public.timers
    FOR EACH ROW EXECUTE FUNCTION public.account_time_guard();
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER a_guard;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER a_guard_truncate;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER b_month_lock;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER c_account_time;
ALTER TABLE public.timers ENABLE ALWAYS TRIGGER c_account_time;
