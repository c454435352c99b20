-- The first tables. `tenant_id` leads every key; foreign keys are composite, so that no row can point into another tenant.

CREATE TABLE account_events (
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    account_id UUID,
    verb TEXT NOT NULL,
    outcome TEXT NOT NULL,
    CONSTRAINT account_events_pkey PRIMARY KEY (id)
);

CREATE TABLE account_intervals (
    account_id UUID NOT NULL,
    during TSTZRANGE NOT NULL,
    CONSTRAINT account_intervals_pkey PRIMARY KEY (account_id, during),
    CONSTRAINT account_intervals_no_overlap EXCLUDE USING gist (account_id WITH =, during WITH &&)
);

CREATE TABLE accounts (
    id UUID NOT NULL,
    email TEXT NOT NULL,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    failed_attempts INTEGER DEFAULT 0 NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_email_key UNIQUE (email)
);

CREATE TABLE audit_events (
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    actor_kind TEXT NOT NULL,
    account_id UUID,
    member_id UUID,
    verb TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details JSONB NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT audit_events_pkey PRIMARY KEY (tenant_id, id)
);

CREATE TABLE practitioners (
    npi TEXT NOT NULL,
    family TEXT NOT NULL,
    given TEXT NOT NULL,
    kind TEXT DEFAULT 'physician' NOT NULL,
    tin_group TEXT,
    source_id TEXT,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT practitioners_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT practitioners_tenant_id_npi_key UNIQUE (tenant_id, npi)
);

CREATE TABLE rule_limits (
    id UUID NOT NULL,
    quarter TEXT NOT NULL,
    source TEXT NOT NULL,
    limits JSONB NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT rule_limits_pkey PRIMARY KEY (id)
);

CREATE TABLE tenant_keys (
    version INTEGER NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT tenant_keys_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tenant_keys_tenant_id_version_key UNIQUE (tenant_id, version)
);

CREATE TABLE tenants (
    id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    is_generated BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_slug_key UNIQUE (slug)
);

CREATE TABLE audit_event_patients (
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    CONSTRAINT audit_event_patients_pkey PRIMARY KEY (tenant_id, id, patient_id),
    CONSTRAINT audit_event_patients_tenant_id_id_fkey FOREIGN KEY(tenant_id, id) REFERENCES audit_events (tenant_id, id)
);

CREATE TABLE clinics (
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    address TEXT DEFAULT '' NOT NULL,
    phone TEXT DEFAULT '' NOT NULL,
    tin_group TEXT NOT NULL,
    provider_type TEXT DEFAULT 'physician_practice' NOT NULL,
    place_of_service TEXT DEFAULT '11' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT clinics_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT clinics_tenant_id_slug_key UNIQUE (tenant_id, slug),
    CONSTRAINT clinics_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE TABLE members (
    account_id UUID,
    email TEXT NOT NULL,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    credential TEXT DEFAULT '' NOT NULL,
    staff_role TEXT NOT NULL,
    practitioner_id UUID,
    status TEXT DEFAULT 'invited' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT members_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT members_tenant_id_email_key UNIQUE (tenant_id, email),
    CONSTRAINT members_tenant_id_practitioner_id_fkey FOREIGN KEY(tenant_id, practitioner_id) REFERENCES practitioners (tenant_id, id),
    CONSTRAINT members_role_check CHECK (role IN ('administrator', 'manager', 'coordinator', 'billing', 'practitioner', 'auditor')),
    CONSTRAINT members_status_check CHECK (status IN ('invited', 'active', 'suspended')),
    CONSTRAINT members_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE memberships (
    account_id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    member_id UUID NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (account_id, tenant_id),
    CONSTRAINT memberships_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE sessions (
    id_hash BYTEA NOT NULL,
    account_id UUID NOT NULL,
    tenant_id UUID,
    member_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT sessions_pkey PRIMARY KEY (id_hash),
    CONSTRAINT sessions_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);
CREATE INDEX sessions_account_id_idx ON sessions (account_id);

CREATE TABLE clinic_facts (
    clinic_id UUID NOT NULL,
    kind TEXT NOT NULL,
    value JSONB NOT NULL,
    effective_on DATE NOT NULL,
    checked_on DATE NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT clinic_facts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT clinic_facts_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id)
);

CREATE TABLE import_runs (
    clinic_id UUID NOT NULL,
    source TEXT NOT NULL,
    counts JSONB NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT import_runs_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT import_runs_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id)
);

CREATE TABLE invitations (
    member_id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT invitations_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invitations_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT invitations_tenant_id_token_hash_key UNIQUE (tenant_id, token_hash)
);

CREATE TABLE month_closes (
    clinic_id UUID NOT NULL,
    service_month DATE NOT NULL,
    state TEXT NOT NULL,
    requested_by UUID,
    requested_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT month_closes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT month_closes_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT month_closes_tenant_id_clinic_id_service_month_key UNIQUE (tenant_id, clinic_id, service_month),
    CONSTRAINT month_closes_state_check CHECK (state IN ('closing', 'closed'))
);

CREATE TABLE month_locks (
    clinic_id UUID NOT NULL,
    service_month DATE NOT NULL,
    locked_by UUID,
    locked_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    released_by UUID,
    released_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT month_locks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT month_locks_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT month_locks_tenant_id_locked_by_fkey FOREIGN KEY(tenant_id, locked_by) REFERENCES members (tenant_id, id)
);
CREATE UNIQUE INDEX month_locks_standing_idx ON month_locks (tenant_id, clinic_id, service_month) WHERE released_at IS NULL;

CREATE TABLE patients (
    clinic_id UUID NOT NULL,
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    mrn TEXT,
    mbi BYTEA,
    family TEXT NOT NULL,
    given TEXT NOT NULL,
    name_key TEXT GENERATED ALWAYS AS (lower(family || ' ' || given) COLLATE "C") STORED NOT NULL,
    birth_date DATE NOT NULL,
    sex TEXT NOT NULL,
    language TEXT,
    is_deceased BOOLEAN DEFAULT false NOT NULL,
    deceased_on DATE,
    phone BYTEA,
    email BYTEA,
    address BYTEA,
    is_active BOOLEAN DEFAULT true NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT patients_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT patients_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT patients_tenant_id_source_source_id_key UNIQUE (tenant_id, source, source_id)
);
CREATE INDEX patients_birth_date_idx ON patients (tenant_id, birth_date);
CREATE INDEX patients_clinic_idx ON patients (tenant_id, clinic_id);
CREATE INDEX patients_mrn_idx ON patients (tenant_id, mrn);
CREATE INDEX patients_name_key_idx ON patients (tenant_id, name_key, id);

CREATE TABLE allergies (
    patient_id UUID NOT NULL,
    source_id TEXT NOT NULL,
    code TEXT,
    name TEXT NOT NULL,
    criticality TEXT,
    is_active BOOLEAN NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT allergies_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT allergies_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT allergies_tenant_id_patient_id_source_id_key UNIQUE (tenant_id, patient_id, source_id)
);

CREATE TABLE conditions (
    patient_id UUID NOT NULL,
    source_id TEXT NOT NULL,
    icd10 TEXT,
    icd10_also JSONB DEFAULT '[]' NOT NULL,
    snomed TEXT,
    name TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    is_problem BOOLEAN NOT NULL,
    onset TEXT,
    abated TEXT,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT conditions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT conditions_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT conditions_tenant_id_patient_id_source_id_key UNIQUE (tenant_id, patient_id, source_id)
);

CREATE TABLE coverages (
    patient_id UUID NOT NULL,
    source_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payor TEXT NOT NULL,
    plan TEXT,
    is_active BOOLEAN NOT NULL,
    starts_on DATE,
    ends_on DATE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT coverages_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT coverages_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT coverages_tenant_id_patient_id_source_id_key UNIQUE (tenant_id, patient_id, source_id)
);

CREATE TABLE designations (
    patient_id UUID NOT NULL,
    member_id UUID NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_to TIMESTAMP WITH TIME ZONE,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT designations_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT designations_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT designations_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT designations_one_at_a_time EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, tstzrange(valid_from, valid_to) WITH &&)
);
CREATE INDEX designations_member_idx ON designations (tenant_id, member_id) INCLUDE (patient_id);

CREATE TABLE documents (
    patient_id UUID NOT NULL,
    kind TEXT NOT NULL,
    service_month DATE NOT NULL,
    title TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    warnings JSONB DEFAULT '[]' NOT NULL,
    supersedes_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT documents_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT documents_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id)
);
CREATE INDEX documents_patient_idx ON documents (tenant_id, patient_id);

CREATE TABLE ehr_messages (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    source_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    body BYTEA NOT NULL,
    patient_id UUID,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT ehr_messages_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT ehr_messages_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT ehr_messages_tenant_id_source_kind_source_id_version_key UNIQUE (tenant_id, source, kind, source_id, version)
);

CREATE TABLE encounters (
    patient_id UUID NOT NULL,
    source_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    facility TEXT NOT NULL,
    status TEXT,
    name TEXT NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    practitioner_source_id TEXT,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT encounters_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT encounters_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT encounters_tenant_id_patient_id_source_id_key UNIQUE (tenant_id, patient_id, source_id)
);

CREATE TABLE enrollments (
    patient_id UUID NOT NULL,
    clinic_id UUID NOT NULL,
    practitioner_id UUID NOT NULL,
    program TEXT NOT NULL,
    started_on DATE NOT NULL,
    ended_on DATE,
    is_high_risk BOOLEAN,
    expected_months INTEGER,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT enrollments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT enrollments_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT enrollments_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT enrollments_tenant_id_practitioner_id_fkey FOREIGN KEY(tenant_id, practitioner_id) REFERENCES practitioners (tenant_id, id),
    CONSTRAINT enrollments_program_check CHECK (program IN ('CCM', 'PCM')),
    CONSTRAINT enrollments_forward_check CHECK (ended_on >= started_on)
);
CREATE INDEX enrollments_clinic_idx ON enrollments (tenant_id, clinic_id);
CREATE UNIQUE INDEX enrollments_open_idx ON enrollments (tenant_id, patient_id, program) WHERE ended_on IS NULL;

CREATE TABLE medications (
    patient_id UUID NOT NULL,
    source_id TEXT NOT NULL,
    rxnorm TEXT,
    name TEXT NOT NULL,
    dosage TEXT,
    is_active BOOLEAN NOT NULL,
    authored TEXT,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT medications_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT medications_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT medications_tenant_id_patient_id_source_id_key UNIQUE (tenant_id, patient_id, source_id)
);

CREATE TABLE patient_facts (
    patient_id UUID NOT NULL,
    kind TEXT NOT NULL,
    value JSONB NOT NULL,
    service_month DATE,
    effective_on DATE NOT NULL,
    checked_on DATE NOT NULL,
    supersedes_id UUID,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT patient_facts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT patient_facts_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT patient_facts_tenant_id_supersedes_id_fkey FOREIGN KEY(tenant_id, supersedes_id) REFERENCES patient_facts (tenant_id, id)
);
CREATE INDEX patient_facts_patient_idx ON patient_facts (tenant_id, patient_id, kind, effective_on);
CREATE UNIQUE INDEX patient_facts_supersedes_idx ON patient_facts (tenant_id, supersedes_id);

CREATE TABLE consents (
    enrollment_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    practitioner_id UUID NOT NULL,
    decision TEXT NOT NULL,
    mode TEXT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    obtained_by TEXT NOT NULL,
    script_version TEXT NOT NULL,
    disclosures JSONB NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT consents_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT consents_tenant_id_enrollment_id_fkey FOREIGN KEY(tenant_id, enrollment_id) REFERENCES enrollments (tenant_id, id),
    CONSTRAINT consents_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT consents_tenant_id_practitioner_id_fkey FOREIGN KEY(tenant_id, practitioner_id) REFERENCES practitioners (tenant_id, id),
    CONSTRAINT consents_decision_check CHECK (decision IN ('accepted', 'declined', 'revoked')),
    CONSTRAINT consents_mode_check CHECK (mode IN ('verbal', 'written', 'electronic'))
);
CREATE INDEX consents_patient_idx ON consents (tenant_id, patient_id);

CREATE TABLE enrollment_statuses (
    enrollment_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    status TEXT NOT NULL,
    reason BYTEA NOT NULL,
    effective_on DATE NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT enrollment_statuses_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT enrollment_statuses_tenant_id_enrollment_id_fkey FOREIGN KEY(tenant_id, enrollment_id) REFERENCES enrollments (tenant_id, id),
    CONSTRAINT enrollment_statuses_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT enrollment_statuses_status_check CHECK (status IN ('enrolled', 'ended'))
);
CREATE INDEX enrollment_statuses_enrollment_idx ON enrollment_statuses (tenant_id, enrollment_id);

CREATE TABLE patient_months (
    patient_id UUID NOT NULL,
    clinic_id UUID NOT NULL,
    practitioner_id UUID NOT NULL,
    program TEXT NOT NULL,
    service_month DATE NOT NULL,
    status TEXT NOT NULL,
    countable_seconds INTEGER NOT NULL,
    facts JSONB NOT NULL,
    facts_hash TEXT NOT NULL,
    ruling JSONB NOT NULL,
    document_id UUID,
    ruled_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT patient_months_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT patient_months_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT patient_months_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT patient_months_tenant_id_practitioner_id_fkey FOREIGN KEY(tenant_id, practitioner_id) REFERENCES practitioners (tenant_id, id),
    CONSTRAINT patient_months_tenant_id_document_id_fkey FOREIGN KEY(tenant_id, document_id) REFERENCES documents (tenant_id, id),
    CONSTRAINT patient_months_tenant_id_patient_id_practitioner_id_ser_fba4 UNIQUE (tenant_id, patient_id, practitioner_id, service_month),
    CONSTRAINT patient_months_status_check CHECK (status IN ('ready', 'blocked'))
);
CREATE INDEX patient_months_clinic_idx ON patient_months (tenant_id, clinic_id, service_month);

CREATE TABLE time_log_entries (
    patient_id UUID NOT NULL,
    coordinator_id UUID NOT NULL,
    account_id UUID,
    enrollment_id UUID NOT NULL,
    clinic_id UUID NOT NULL,
    program TEXT NOT NULL,
    activity_type TEXT NOT NULL,
    start_time TIMESTAMP WITH TIME ZONE NOT NULL,
    end_time TIMESTAMP WITH TIME ZONE NOT NULL,
    duration_secs INTEGER GENERATED ALWAYS AS (extract(epoch FROM (end_time - start_time))::integer) STORED NOT NULL,
    service_month DATE NOT NULL,
    staff_role TEXT NOT NULL,
    credential TEXT NOT NULL,
    source TEXT NOT NULL,
    note BYTEA,
    supersedes_id UUID,
    is_void BOOLEAN DEFAULT false NOT NULL,
    void_reason BYTEA,
    voided_by UUID,
    voided_at TIMESTAMP WITH TIME ZONE,
    row_hash BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT time_log_entries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT time_log_entries_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT time_log_entries_tenant_id_coordinator_id_fkey FOREIGN KEY(tenant_id, coordinator_id) REFERENCES members (tenant_id, id),
    CONSTRAINT time_log_entries_tenant_id_voided_by_fkey FOREIGN KEY(tenant_id, voided_by) REFERENCES members (tenant_id, id),
    CONSTRAINT time_log_entries_tenant_id_enrollment_id_fkey FOREIGN KEY(tenant_id, enrollment_id) REFERENCES enrollments (tenant_id, id),
    CONSTRAINT time_log_entries_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT time_log_entries_tenant_id_supersedes_id_fkey FOREIGN KEY(tenant_id, supersedes_id) REFERENCES time_log_entries (tenant_id, id),
    CONSTRAINT time_log_entries_forward_check CHECK (end_time > start_time),
    CONSTRAINT time_log_entries_whole_seconds_check CHECK (extract(epoch FROM start_time) % 1 = 0 AND extract(epoch FROM end_time) % 1 = 0),
    CONSTRAINT time_log_entries_void_reason_check CHECK (is_void = (void_reason IS NOT NULL)),
    CONSTRAINT time_log_entries_no_overlap EXCLUDE USING gist (tenant_id WITH =, coordinator_id WITH =, tstzrange(start_time, end_time) WITH &&) WHERE (NOT is_void)
);
CREATE INDEX time_log_entries_month_idx ON time_log_entries (tenant_id, service_month, patient_id) INCLUDE (duration_secs, is_void);
CREATE INDEX time_log_entries_patient_idx ON time_log_entries (tenant_id, patient_id, start_time);

CREATE TABLE timers (
    member_id UUID NOT NULL,
    account_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    enrollment_id UUID NOT NULL,
    clinic_id UUID NOT NULL,
    program TEXT NOT NULL,
    staff_role TEXT NOT NULL,
    credential TEXT NOT NULL,
    activity_type TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT timers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT timers_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT timers_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT timers_tenant_id_enrollment_id_fkey FOREIGN KEY(tenant_id, enrollment_id) REFERENCES enrollments (tenant_id, id),
    CONSTRAINT timers_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT timers_tenant_id_member_id_key UNIQUE (tenant_id, member_id)
);

CREATE TABLE claim_lines (
    patient_month_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    position INTEGER NOT NULL,
    code TEXT NOT NULL,
    units INTEGER NOT NULL,
    service_date DATE NOT NULL,
    place_of_service TEXT NOT NULL,
    amount_cents INTEGER,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT claim_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT claim_lines_tenant_id_patient_month_id_fkey FOREIGN KEY(tenant_id, patient_month_id) REFERENCES patient_months (tenant_id, id),
    CONSTRAINT claim_lines_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT claim_lines_tenant_id_patient_month_id_position_key UNIQUE (tenant_id, patient_month_id, position)
);

CREATE TABLE month_exceptions (
    patient_month_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    position INTEGER NOT NULL,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    fact TEXT,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT month_exceptions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT month_exceptions_tenant_id_patient_month_id_fkey FOREIGN KEY(tenant_id, patient_month_id) REFERENCES patient_months (tenant_id, id),
    CONSTRAINT month_exceptions_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT month_exceptions_tenant_id_patient_month_id_position_key UNIQUE (tenant_id, patient_month_id, position)
);
