-- A new way in for somebody who lost theirs: asked for by one administrator, confirmed by another within a day. The link
-- that comes of it opens nothing without the code that was told to its person apart from it. Run as the owner.
CREATE TABLE recoveries (
    member_id UUID NOT NULL,
    reason BYTEA NOT NULL,
    asked_by UUID NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_alone BOOLEAN NOT NULL,
    code_hash BYTEA NOT NULL,
    tries INTEGER DEFAULT 0 NOT NULL,
    confirmed_by UUID,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    ended_by UUID,
    ended_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT recoveries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT recoveries_tenant_id_member_id_fkey
        FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT recoveries_tenant_id_asked_by_fkey
        FOREIGN KEY(tenant_id, asked_by) REFERENCES members (tenant_id, id),
    CONSTRAINT recoveries_tenant_id_confirmed_by_fkey
        FOREIGN KEY(tenant_id, confirmed_by) REFERENCES members (tenant_id, id),
    CONSTRAINT recoveries_tenant_id_ended_by_fkey
        FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id),
    -- What a link points at: with the member, so that it rests on nobody else's.
    CONSTRAINT recoveries_tenant_id_id_member_id_key UNIQUE (tenant_id, id, member_id),
    CONSTRAINT recoveries_others_check CHECK (asked_by <> member_id AND confirmed_by <> member_id),
    CONSTRAINT recoveries_second_person_check CHECK (confirmed_by <> asked_by),
    CONSTRAINT recoveries_confirmed_check CHECK (
        (confirmed_by IS NULL) = (confirmed_at IS NULL) AND confirmed_at < expires_at
        AND NOT (is_alone AND confirmed_at IS NOT NULL)
    ),
    CONSTRAINT recoveries_ended_check CHECK (
        (ended_by IS NULL) = (ended_at IS NULL) AND NOT (ended_at IS NOT NULL AND confirmed_at IS NOT NULL)
    ),
    CONSTRAINT recoveries_expires_check CHECK (expires_at = asked_at + interval '24 hours'),
    CONSTRAINT recoveries_tries_check CHECK (tries BETWEEN 0 AND 5)
);
CREATE INDEX recoveries_member_id_idx ON recoveries (tenant_id, member_id, asked_at DESC);

-- Each acts in their own name, as an administrator at work here; alone only who has no other to ask.
CREATE FUNCTION public.recovery_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
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
        IF NEW.asked_by IS DISTINCT FROM ctx.member() OR NOT may_decide THEN
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
CREATE TRIGGER a_guard BEFORE INSERT OR UPDATE ON recoveries
    FOR EACH ROW EXECUTE FUNCTION public.recovery_guard();
ALTER TABLE recoveries ENABLE ALWAYS TRIGGER a_guard;

-- A link for somebody who has come in before rests on a new way in that was confirmed, or that nobody else could.
ALTER TABLE invitations ADD COLUMN recovery_id UUID,
    ADD CONSTRAINT invitations_tenant_id_recovery_id_member_id_fkey
        FOREIGN KEY (tenant_id, recovery_id, member_id) REFERENCES recoveries (tenant_id, id, member_id) NOT VALID;
CREATE FUNCTION public.invitation_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.recovery_id IS NULL AND EXISTS (
        SELECT FROM public.members AS m
        WHERE m.tenant_id = NEW.tenant_id AND m.id = NEW.member_id AND m.account_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'Only somebody who has not come yet is invited';
    END IF;
    IF NEW.recovery_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.recoveries AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.recovery_id AND (r.is_alone OR r.confirmed_at IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'A second administrator confirms a new way in first';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_guard BEFORE INSERT OR UPDATE OF member_id, recovery_id ON invitations
    FOR EACH ROW EXECUTE FUNCTION public.invitation_guard();
ALTER TABLE invitations ENABLE ALWAYS TRIGGER a_guard;
