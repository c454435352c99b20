-- Attempts to reach a patient, and how many there were: by patient and month, and by member and day. Run as the owner.
CREATE TABLE attempts (
    patient_id UUID NOT NULL,
    member_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    day DATE NOT NULL,
    channel TEXT NOT NULL,
    outcome TEXT NOT NULL,
    is_contact BOOLEAN GENERATED ALWAYS AS (outcome IN ('reached', 'family', 'declined', 'wants_to_leave')) STORED NOT NULL,
    call_back_at TIMESTAMP WITH TIME ZONE,
    note BYTEA,
    time_entry_id UUID,
    supersedes_id UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT attempts_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT attempts_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT attempts_tenant_id_time_entry_id_fkey FOREIGN KEY(tenant_id, time_entry_id) REFERENCES time_log_entries (tenant_id, id),
    CONSTRAINT attempts_tenant_id_supersedes_id_fkey FOREIGN KEY(tenant_id, supersedes_id) REFERENCES attempts (tenant_id, id),
    CONSTRAINT attempts_tenant_id_supersedes_id_key UNIQUE (tenant_id, supersedes_id),
    CONSTRAINT attempts_channel_check CHECK (channel IN ('phone', 'portal', 'text', 'mail', 'in_person')),
    CONSTRAINT attempts_outcome_check CHECK (outcome IN ('reached', 'voicemail', 'no_answer', 'busy', 'wrong_number', 'call_back', 'family', 'declined', 'wants_to_leave', 'in_hospital', 'deceased', 'mistake')),
    CONSTRAINT attempts_call_back_check CHECK ((outcome = 'call_back') = (call_back_at IS NOT NULL)),
    CONSTRAINT attempts_mistake_check CHECK (outcome <> 'mistake' OR supersedes_id IS NOT NULL)
);
CREATE INDEX attempts_patient_idx ON attempts (tenant_id, patient_id, at);
CREATE INDEX attempts_member_idx ON attempts (tenant_id, member_id, at);
CREATE INDEX attempts_call_back_idx ON attempts (tenant_id, patient_id, call_back_at) WHERE call_back_at IS NOT NULL;

CREATE TABLE attempt_months (
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    patient_id UUID NOT NULL,
    service_month DATE NOT NULL,
    attempts INTEGER NOT NULL,
    contacts INTEGER NOT NULL,
    CONSTRAINT attempt_months_pkey PRIMARY KEY (tenant_id, patient_id, service_month),
    CONSTRAINT attempt_months_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id)
);
CREATE INDEX attempt_months_reach_idx ON attempt_months (tenant_id, service_month, contacts, attempts) INCLUDE (patient_id);

CREATE TABLE attempt_days (
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    member_id UUID NOT NULL,
    day DATE NOT NULL,
    attempts INTEGER NOT NULL,
    contacts INTEGER NOT NULL,
    CONSTRAINT attempt_days_pkey PRIMARY KEY (tenant_id, member_id, day),
    CONSTRAINT attempt_days_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id)
);

-- Keeps both counts in the transaction of the attempt. A correction takes what it supersedes out again; what was
-- recorded by mistake counts nowhere. Steps, not sums: two people may record for one patient at the same moment. With
-- its owner's rights, so that nobody else can write a count; the walls bind it as they bind whoever recorded.
CREATE FUNCTION public.count_attempts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.attempt_months AS kept (tenant_id, patient_id, service_month, attempts, contacts)
    SELECT s.tenant_id, s.patient_id, date_trunc('month', s.day::timestamp)::date, sum(s.step),
           sum(s.step * s.is_contact::integer)
    FROM (
        SELECT f.tenant_id, f.patient_id, f.day, f.is_contact, 1 AS step FROM fresh AS f WHERE f.outcome <> 'mistake'
        UNION ALL
        SELECT o.tenant_id, o.patient_id, o.day, o.is_contact, -1
        FROM fresh AS f JOIN public.attempts AS o ON o.tenant_id = f.tenant_id AND o.id = f.supersedes_id
        WHERE o.outcome <> 'mistake'
    ) AS s
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (tenant_id, patient_id, service_month) DO UPDATE
    SET attempts = kept.attempts + EXCLUDED.attempts, contacts = kept.contacts + EXCLUDED.contacts;

    INSERT INTO public.attempt_days AS kept (tenant_id, member_id, day, attempts, contacts)
    SELECT s.tenant_id, s.member_id, s.day, sum(s.step), sum(s.step * s.is_contact::integer)
    FROM (
        SELECT f.tenant_id, f.member_id, f.day, f.is_contact, 1 AS step FROM fresh AS f WHERE f.outcome <> 'mistake'
        UNION ALL
        SELECT o.tenant_id, o.member_id, o.day, o.is_contact, -1
        FROM fresh AS f JOIN public.attempts AS o ON o.tenant_id = f.tenant_id AND o.id = f.supersedes_id
        WHERE o.outcome <> 'mistake'
    ) AS s
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (tenant_id, member_id, day) DO UPDATE
    SET attempts = kept.attempts + EXCLUDED.attempts, contacts = kept.contacts + EXCLUDED.contacts;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION public.count_attempts() FROM PUBLIC;

CREATE TRIGGER count_attempts AFTER INSERT ON attempts REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION public.count_attempts();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER count_attempts;

-- Whoever is walled in records in their own name.
CREATE POLICY own_attempt ON attempts AS RESTRICTIVE FOR INSERT TO PUBLIC
    WITH CHECK ((SELECT ctx.sees_all()) OR member_id = (SELECT ctx.member()));

-- A team's voided entries, few among many, are counted by member.
CREATE INDEX time_log_entries_void_idx ON time_log_entries (tenant_id, coordinator_id, service_month) WHERE is_void;
