-- Who has to come in by a passkey, as the tenant decides. Run as the owner.
ALTER TABLE tenant_settings
    DROP CONSTRAINT tenant_settings_name_check,
    DROP CONSTRAINT tenant_settings_value_check,
    ADD CONSTRAINT tenant_settings_name_check CHECK (name IN (
        'administrators_see_health', 'idle_minutes', 'timer_ask_minutes', 'sign_in_policy', 'privacy_contact',
        'glass_members'
    )),
    ADD CONSTRAINT tenant_settings_value_check CHECK (CASE name
        WHEN 'administrators_see_health' THEN jsonb_typeof(value) = 'boolean'
        WHEN 'idle_minutes' THEN value IN (to_jsonb(5), to_jsonb(10), to_jsonb(15), to_jsonb(20), to_jsonb(25), to_jsonb(30))
        WHEN 'timer_ask_minutes' THEN value IN (to_jsonb(3), to_jsonb(5), to_jsonb(10), to_jsonb(15), to_jsonb(20))
        WHEN 'sign_in_policy' THEN value IN (to_jsonb('any'::text), to_jsonb('administrators'::text), to_jsonb('everybody'::text))
        WHEN 'glass_members' THEN jsonb_typeof(value) = 'array'
        ELSE jsonb_typeof(value) = 'string'
    END);
