-- What a tenant decided about itself, with its history: the newest row of a name stands. Run as the owner.
CREATE TABLE tenant_settings (
    name TEXT NOT NULL,
    value JSONB NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT tenant_settings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tenant_settings_tenant_id_recorded_by_fkey
        FOREIGN KEY(tenant_id, recorded_by) REFERENCES members (tenant_id, id),
    CONSTRAINT tenant_settings_name_check
        CHECK (name IN ('administrators_see_health', 'idle_minutes', 'privacy_contact', 'glass_members')),
    CONSTRAINT tenant_settings_value_check CHECK (CASE name
        WHEN 'administrators_see_health' THEN jsonb_typeof(value) = 'boolean'
        WHEN 'idle_minutes' THEN value IN (to_jsonb(5), to_jsonb(10), to_jsonb(15), to_jsonb(20), to_jsonb(25), to_jsonb(30))
        WHEN 'glass_members' THEN jsonb_typeof(value) = 'array'
        ELSE jsonb_typeof(value) = 'string'
    END)
);
CREATE INDEX tenant_settings_name_idx ON tenant_settings (tenant_id, name, recorded_at DESC);

-- A session is looked at before its tenant is bound: how long one may rest stands where that can be read.
ALTER TABLE tenants ADD COLUMN idle_minutes INTEGER DEFAULT 15 NOT NULL,
    ADD CONSTRAINT tenants_idle_minutes_check CHECK (idle_minutes BETWEEN 5 AND 30);
CREATE FUNCTION tenant_settings_idle() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    UPDATE tenants SET idle_minutes = (NEW.value)::integer WHERE id = NEW.tenant_id;
    RETURN NULL;
END $$;
CREATE TRIGGER tenant_settings_idle AFTER INSERT ON tenant_settings
    FOR EACH ROW WHEN (NEW.name = 'idle_minutes') EXECUTE FUNCTION tenant_settings_idle();
