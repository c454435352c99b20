-- The names under which a tenant offers kinds of work, with their history: the newest version of a code stands. Each
-- stands on one of the standard types for good, which alone decides how its time counts. Run as the owner.
CREATE TABLE activities (
    code TEXT NOT NULL,
    version INTEGER NOT NULL,
    standard TEXT NOT NULL,
    label TEXT NOT NULL,
    is_offered BOOLEAN NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT activities_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT activities_tenant_id_recorded_by_fkey
        FOREIGN KEY(tenant_id, recorded_by) REFERENCES members (tenant_id, id),
    -- Two who change one at the same moment: the second is told.
    CONSTRAINT activities_tenant_id_code_version_key UNIQUE (tenant_id, code, version),
    -- What entries point at: with the standard type, so that their own is the one that the name stands on.
    CONSTRAINT activities_tenant_id_id_standard_key UNIQUE (tenant_id, id, standard),
    CONSTRAINT activities_version_check CHECK (version > 0),
    CONSTRAINT activities_code_check CHECK (code ~ '^[a-z][a-z0-9_]{0,62}$'),
    CONSTRAINT activities_label_check CHECK (length(label) BETWEEN 1 AND 200),
    CONSTRAINT activities_standard_check CHECK (standard IN (
        'patient_call', 'secure_message', 'care_plan', 'medication_review', 'education', 'coordination', 'transition',
        'community_services', 'results_review', 'preventive_care', 'prior_authorization', 'equipment',
        'unsuccessful_outreach', 'scheduling', 'supervision'
    )),
    -- A standard type's code is nobody else's.
    CONSTRAINT activities_own_code_check CHECK (code = standard OR code NOT IN (
        'patient_call', 'secure_message', 'care_plan', 'medication_review', 'education', 'coordination', 'transition',
        'community_services', 'results_review', 'preventive_care', 'prior_authorization', 'equipment',
        'unsuccessful_outreach', 'scheduling', 'supervision'
    ))
);

-- A code never moves to another standard type: what was recorded under it would seem to count otherwise.
CREATE FUNCTION public.activity_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    newest public.activities;
BEGIN
    SELECT * INTO newest FROM public.activities AS a
    WHERE a.tenant_id = NEW.tenant_id AND a.code = NEW.code ORDER BY a.version DESC LIMIT 1;
    IF NEW.version <> coalesce(newest.version, 0) + 1 THEN
        RAISE EXCEPTION 'Somebody else has changed this activity; look at it again';
    END IF;
    IF newest.standard IS NOT NULL AND newest.standard <> NEW.standard THEN
        RAISE EXCEPTION 'An activity stays with the standard type that it stands on';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_guard BEFORE INSERT ON activities FOR EACH ROW EXECUTE FUNCTION public.activity_guard();
ALTER TABLE activities ENABLE ALWAYS TRIGGER a_guard;

-- Not validated: the rows that are there have none, and the check would look for them without a tenant's context.
ALTER TABLE timers ADD COLUMN activity_id UUID,
    ADD CONSTRAINT timers_tenant_id_activity_id_activity_type_fkey
        FOREIGN KEY (tenant_id, activity_id, activity_type) REFERENCES activities (tenant_id, id, standard) NOT VALID;
ALTER TABLE time_log_entries ADD COLUMN activity_id UUID,
    ADD CONSTRAINT time_log_entries_tenant_id_activity_id_activity_type_fkey
        FOREIGN KEY (tenant_id, activity_id, activity_type) REFERENCES activities (tenant_id, id, standard) NOT VALID;
