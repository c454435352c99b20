-- Since when an account has to have proved itself to come into a tenant: that tenant signed it out. Run as the owner.
ALTER TABLE memberships ADD COLUMN proved_after TIMESTAMP WITH TIME ZONE;
GRANT UPDATE (proved_after) ON memberships TO caretide_app, caretide_worker;

-- The table stands outside the wall, so that sign-in can look across tenants. What bars is each tenant's own all the same,
-- and nothing lets a session in again that was barred.
CREATE FUNCTION public.membership_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.tenant_id IS DISTINCT FROM ctx.tenant() THEN
        RAISE EXCEPTION 'Each tenant signs out of itself';
    END IF;
    IF NEW.proved_after IS NULL OR NEW.proved_after < OLD.proved_after THEN
        RAISE EXCEPTION 'Who was signed out stays so until they prove themselves';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER membership_guard BEFORE UPDATE ON memberships FOR EACH ROW EXECUTE FUNCTION public.membership_guard();
