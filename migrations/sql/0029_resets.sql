-- Who works in several tenants is given a new way in by whoever runs the installation: no tenant may take away what opens
-- another one. Such a request names nobody as asking, is recorded in each of the tenants, and is not to be confirmed.
-- Run as the owner.
ALTER TABLE recoveries ALTER COLUMN asked_by DROP NOT NULL,
    ADD CONSTRAINT recoveries_operator_check CHECK (
        asked_by IS NOT NULL OR (NOT is_alone AND confirmed_at IS NULL AND ended_at IS NULL)
    );

CREATE OR REPLACE FUNCTION public.recovery_guard() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    -- Whoever acts is an administrator at work here.
    may_decide boolean := EXISTS (
        SELECT FROM public.members AS m WHERE m.tenant_id = NEW.tenant_id AND m.id = ctx.member()
            AND m.role = 'administrator' AND m.status = 'active'
    );
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.confirmed_at IS NOT NULL OR NEW.ended_at IS NOT NULL OR NEW.tries <> 0 THEN
            RAISE EXCEPTION 'A new way in is confirmed or ended after it was asked for';
        END IF;
        -- The command line acts as no member; whoever does asks in their own name.
        IF NEW.asked_by IS DISTINCT FROM ctx.member() OR NOT (may_decide OR ctx.member() IS NULL) THEN
            RAISE EXCEPTION 'An administrator asks for a new way in, in their own name';
        END IF;
        IF NEW.is_alone AND EXISTS (
            SELECT FROM public.members AS m WHERE m.tenant_id = NEW.tenant_id
                AND m.role = 'administrator' AND m.status = 'active' AND m.id NOT IN (NEW.asked_by, NEW.member_id)
        ) THEN
            RAISE EXCEPTION 'There is another administrator; ask them to confirm it';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at AND (
        OLD.confirmed_at IS NOT NULL OR OLD.ended_at IS NOT NULL OR NEW.confirmed_by IS DISTINCT FROM ctx.member()
        OR NOT may_decide OR OLD.expires_at <= NEW.confirmed_at
    ) THEN
        RAISE EXCEPTION 'Another administrator confirms a new way in, once, within a day, in their own name';
    END IF;
    IF NEW.ended_at IS DISTINCT FROM OLD.ended_at AND (
        OLD.ended_at IS NOT NULL OR OLD.confirmed_at IS NOT NULL OR OLD.is_alone
        OR NEW.ended_by IS DISTINCT FROM ctx.member() OR NOT may_decide
    ) THEN
        RAISE EXCEPTION 'A new way in is declined once, before it is confirmed, in one''s own name';
    END IF;
    IF NEW.tries < OLD.tries THEN
        RAISE EXCEPTION 'Wrong codes are counted, and not forgotten';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION public.invitation_guard() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.recovery_id IS NULL AND EXISTS (
        SELECT FROM public.members AS m
        WHERE m.tenant_id = NEW.tenant_id AND m.id = NEW.member_id AND m.account_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'Only somebody who has not come yet is invited';
    END IF;
    IF NEW.recovery_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.recoveries AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.recovery_id
            AND (r.is_alone OR r.confirmed_at IS NOT NULL OR r.asked_by IS NULL)
    ) THEN
        RAISE EXCEPTION 'A second administrator confirms a new way in first';
    END IF;
    -- An operator's rests on nobody of the tenant: only the command line, which acts as no member, makes its link.
    IF NEW.recovery_id IS NOT NULL AND ctx.member() IS NOT NULL AND EXISTS (
        SELECT FROM public.recoveries AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.recovery_id AND r.asked_by IS NULL
    ) THEN
        RAISE EXCEPTION 'Whoever runs the installation makes this link';
    END IF;
    RETURN NEW;
END $$;
