-- The month-to-date ruling of each patient-month, kept so that a page need not rule a whole tenant, and what makes it
-- stale. Run as the owner.

CREATE TABLE month_standings (
    patient_id UUID NOT NULL,
    clinic_id UUID NOT NULL,
    practitioner_id UUID NOT NULL,
    coordinator_id UUID,
    service_month DATE NOT NULL,
    program TEXT NOT NULL,
    ruled_program TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    leads BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    band INTEGER NOT NULL,
    reason TEXT NOT NULL,
    tone TEXT NOT NULL,
    missing_secs INTEGER NOT NULL,
    countable_secs INTEGER NOT NULL,
    recorded_secs INTEGER NOT NULL,
    is_under BOOLEAN NOT NULL,
    thresholds JSONB NOT NULL,
    codes JSONB NOT NULL,
    exceptions JSONB NOT NULL,
    conditions TEXT NOT NULL,
    lines INTEGER NOT NULL,
    amount_cents INTEGER,
    blocked_by TEXT,
    service_date DATE,
    last_contact_at TIMESTAMP WITH TIME ZONE,
    rules BIGINT NOT NULL,
    ruled_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT month_standings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT month_standings_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT month_standings_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT month_standings_tenant_id_practitioner_id_fkey FOREIGN KEY(tenant_id, practitioner_id) REFERENCES practitioners (tenant_id, id),
    CONSTRAINT month_standings_tenant_id_coordinator_id_fkey FOREIGN KEY(tenant_id, coordinator_id) REFERENCES members (tenant_id, id),
    CONSTRAINT month_standings_tenant_id_patient_id_practitioner_id_se_9665 UNIQUE (tenant_id, patient_id, practitioner_id, service_month),
    CONSTRAINT month_standings_status_check CHECK (status IN ('ready', 'blocked'))
);
CREATE INDEX month_standings_urgency_idx ON month_standings (tenant_id, service_month, band, missing_secs, name_key, patient_id) WHERE leads;
CREATE INDEX month_standings_coordinator_idx ON month_standings (tenant_id, coordinator_id, service_month, band, missing_secs, name_key, patient_id);
CREATE INDEX month_standings_clinic_idx ON month_standings (tenant_id, clinic_id, service_month, status, blocked_by, name_key, id);
CREATE INDEX month_standings_month_idx ON month_standings (tenant_id, service_month, status, blocked_by, name_key, id) INCLUDE (leads, clinic_id, coordinator_id, program, band, is_under, countable_secs, amount_cents, last_contact_at, patient_id);

-- A clinic's month in sums: small enough to be added up for every page. Changed with the standings it sums, by the one
-- who rules them: nobody else does.
CREATE TABLE standing_counts (
    clinic_id UUID NOT NULL,
    service_month DATE NOT NULL,
    coordinator_id UUID,
    program TEXT NOT NULL,
    status TEXT NOT NULL,
    band INTEGER NOT NULL,
    blocked_by TEXT,
    rules BIGINT NOT NULL,
    months INTEGER NOT NULL,
    patients INTEGER NOT NULL,
    under INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    countable_secs BIGINT NOT NULL,
    amount_cents BIGINT NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT standing_counts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT standing_counts_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT standing_counts_key UNIQUE NULLS NOT DISTINCT (tenant_id, service_month, clinic_id, coordinator_id, program, status, band, blocked_by, rules)
);

-- How far a clinic's month is ruled: everybody up to `filled_to` was, under `rules`; from then on marks tell the rest.
CREATE TABLE standing_months (
    clinic_id UUID NOT NULL,
    service_month DATE NOT NULL,
    rules BIGINT NOT NULL,
    filled_to UUID,
    is_complete BOOLEAN NOT NULL,
    is_frozen BOOLEAN NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT standing_months_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT standing_months_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT standing_months_tenant_id_clinic_id_service_month_key UNIQUE (tenant_id, clinic_id, service_month)
);

-- Who is in no program and by the chart could be.
CREATE TABLE candidates (
    patient_id UUID NOT NULL,
    clinic_id UUID NOT NULL,
    program TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT candidates_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT candidates_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT candidates_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT candidates_tenant_id_patient_id_key UNIQUE (tenant_id, patient_id)
);
CREATE INDEX candidates_order_idx ON candidates (tenant_id, program, name_key, patient_id);
CREATE INDEX candidates_clinic_idx ON candidates (tenant_id, clinic_id, program, name_key, patient_id);

-- "Something about this patient changed": inserted with every change, in the change's own transaction, and deleted by
-- whoever rules the patient anew. Only ever inserted, so that nobody who writes waits for anybody; and a ruling that
-- deletes exactly the marks it had read before it read anything else can lose none: what a mark stands for was
-- committed with it, so each statement after the one that saw the mark (READ COMMITTED) sees that change too, and a
-- change that a later statement missed carries a mark that was not among those read.
-- Without a foreign key: patients are never deleted, and the look-up would be dear where thousands are marked.
CREATE TABLE standing_marks (
    patient_id UUID NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    CONSTRAINT standing_marks_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX standing_marks_patient_idx ON standing_marks (tenant_id, patient_id, id);

-- Marks are read by those who may see the patient. They are written for everybody: members also void time of a patient
-- who went to somebody else meanwhile.
CREATE FUNCTION public.mark_patients() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.standing_marks (tenant_id, patient_id) SELECT DISTINCT c.tenant_id, c.patient_id FROM changed AS c;
    RETURN NULL;
END $$;

CREATE FUNCTION public.mark_themselves() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.standing_marks (tenant_id, patient_id) SELECT c.tenant_id, c.id FROM changed AS c;
    RETURN NULL;
END $$;

-- A practitioner's profession or billing group changed: rare, and about all of their patients. The row is locked against
-- enrollments (whose foreign key shares it) that are under way: they are seen here, or begin after this has committed.
CREATE FUNCTION public.mark_of_practitioner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT n.tenant_id, n.id FROM changed AS n JOIN former AS o USING (tenant_id, id)
        WHERE (n.kind, n.tin_group) IS DISTINCT FROM (o.kind, o.tin_group)
    LOOP
        PERFORM FROM public.practitioners AS p WHERE p.tenant_id = one.tenant_id AND p.id = one.id FOR UPDATE;
        INSERT INTO public.standing_marks (tenant_id, patient_id)
        SELECT DISTINCT e.tenant_id, e.patient_id FROM public.enrollments AS e
        WHERE e.tenant_id = one.tenant_id AND e.practitioner_id = one.id;
    END LOOP;
    RETURN NULL;
END $$;

-- As which practitioner a member works decides whose time theirs is.
CREATE FUNCTION public.mark_of_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT n.tenant_id, n.id FROM changed AS n JOIN former AS o USING (tenant_id, id)
        WHERE n.practitioner_id IS DISTINCT FROM o.practitioner_id
    LOOP
        PERFORM FROM public.members AS m WHERE m.tenant_id = one.tenant_id AND m.id = one.id FOR UPDATE;
        INSERT INTO public.standing_marks (tenant_id, patient_id)
        SELECT DISTINCT t.tenant_id, t.patient_id FROM public.time_log_entries AS t
        WHERE t.tenant_id = one.tenant_id AND t.coordinator_id = one.id;
    END LOOP;
    RETURN NULL;
END $$;

DO $$
DECLARE
    place text;
    event text;
BEGIN
    FOREACH place IN ARRAY ARRAY[
        'patients', 'conditions', 'coverages', 'encounters', 'designations', 'enrollments', 'enrollment_statuses',
        'consents', 'patient_facts', 'time_log_entries', 'time_entry_approvals'
    ] LOOP
        FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
            CONTINUE WHEN event = 'DELETE' AND place NOT IN ('conditions', 'coverages', 'encounters');
            CONTINUE WHEN event = 'UPDATE' AND place = 'time_entry_approvals';
            EXECUTE format(
                'CREATE TRIGGER m_mark_%s AFTER %s ON public.%I REFERENCING %s TABLE AS changed'
                ' FOR EACH STATEMENT EXECUTE FUNCTION public.%I()',
                lower(event), event, place, CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END,
                CASE place WHEN 'patients' THEN 'mark_themselves' ELSE 'mark_patients' END
            );
        END LOOP;
    END LOOP;
END $$;
CREATE TRIGGER m_mark_update AFTER UPDATE ON public.practitioners REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION public.mark_of_practitioner();
CREATE TRIGGER m_mark_update AFTER UPDATE ON public.members REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION public.mark_of_member();

-- Which records of a closed month are still to be rendered: none, most of the time.
CREATE INDEX patient_months_unrendered_idx ON patient_months (tenant_id, service_month, clinic_id)
    WHERE status = 'ready' AND document_id IS NULL;
