-- When somebody whose timer runs last gave a sign of life, and a stretch without any that they have not accounted for.
-- Run as the owner.
CREATE TABLE timer_signs (
    timer_id UUID NOT NULL,
    alive_at TIMESTAMP WITH TIME ZONE NOT NULL,
    call_until TIMESTAMP WITH TIME ZONE,
    away_from TIMESTAMP WITH TIME ZONE,
    away_to TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    CONSTRAINT timer_signs_pkey PRIMARY KEY (tenant_id, timer_id),
    -- No key into the timers: whoever stops one takes its signs with it, and one that comes a moment later tells nobody.
    CONSTRAINT timer_signs_away_check CHECK ((away_from IS NULL) = (away_to IS NULL) AND away_to > away_from)
);

-- After how many minutes a timer asks: where every page finds it beside the tenant's name.
ALTER TABLE tenants ADD COLUMN timer_ask_minutes INTEGER DEFAULT 5 NOT NULL,
    ADD CONSTRAINT tenants_timer_ask_minutes_check CHECK (timer_ask_minutes BETWEEN 3 AND 20);
CREATE FUNCTION tenant_settings_timer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    UPDATE tenants SET timer_ask_minutes = (NEW.value)::integer WHERE id = NEW.tenant_id;
    RETURN NULL;
END $$;
CREATE TRIGGER tenant_settings_timer AFTER INSERT ON tenant_settings
    FOR EACH ROW WHEN (NEW.name = 'timer_ask_minutes') EXECUTE FUNCTION tenant_settings_timer();

ALTER TABLE tenant_settings
    DROP CONSTRAINT tenant_settings_name_check,
    DROP CONSTRAINT tenant_settings_value_check,
    ADD CONSTRAINT tenant_settings_name_check CHECK (name IN (
        'administrators_see_health', 'idle_minutes', 'timer_ask_minutes', 'privacy_contact', 'glass_members'
    )),
    ADD CONSTRAINT tenant_settings_value_check CHECK (CASE name
        WHEN 'administrators_see_health' THEN jsonb_typeof(value) = 'boolean'
        WHEN 'idle_minutes' THEN value IN (to_jsonb(5), to_jsonb(10), to_jsonb(15), to_jsonb(20), to_jsonb(25), to_jsonb(30))
        WHEN 'timer_ask_minutes' THEN value IN (to_jsonb(3), to_jsonb(5), to_jsonb(10), to_jsonb(15), to_jsonb(20))
        WHEN 'glass_members' THEN jsonb_typeof(value) = 'array'
        ELSE jsonb_typeof(value) = 'string'
    END);
