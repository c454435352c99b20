-- Roles' standing, the tenant context and the roster. Run as the owner.
CREATE SCHEMA ctx;
CREATE SCHEMA jobs;
GRANT USAGE ON SCHEMA public, ctx TO caretide_app, caretide_worker, caretide_gateway;
GRANT USAGE ON SCHEMA jobs TO caretide_app, caretide_worker;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- The context is `tenant:member:walled`, written at the start of every transaction, even when there is no tenant.
CREATE FUNCTION ctx.deny() RETURNS uuid LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'tenant context missing or refused' USING errcode = '42501';
END $$;

CREATE FUNCTION ctx.tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN coalesce(nullif(split_part(current_setting('app.ctx', true), ':', 1), '')::uuid, ctx.deny());

CREATE FUNCTION ctx.member() RETURNS uuid LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN nullif(split_part(current_setting('app.ctx', true), ':', 2), '')::uuid;

-- Anything but an explicit "not walled" is walled.
CREATE FUNCTION ctx.sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN coalesce(split_part(current_setting('app.ctx', true), ':', 3), '1') = '0';

GRANT EXECUTE ON FUNCTION ctx.deny(), ctx.tenant(), ctx.member(), ctx.sees_all()
    TO caretide_app, caretide_worker, caretide_gateway;
