-- Time entered after the fact, its approvals, and the sums of time. Run as the owner; 0003_time_sums.sql follows once the
-- walls stand.

-- How an entry came about is part of what its hash covers, and alone decides whether it waits for a second person.
ALTER TABLE time_log_entries
    ADD COLUMN entry_reason BYTEA,
    ADD COLUMN entered_by UUID DEFAULT ctx.member(),
    -- Not validated: the rows that are there have none, and the check would look for them without a tenant's context.
    ADD CONSTRAINT time_log_entries_tenant_id_entered_by_fkey
        FOREIGN KEY (tenant_id, entered_by) REFERENCES members (tenant_id, id) NOT VALID,
    ADD CONSTRAINT time_log_entries_source_check
        CHECK (source IN ('timer', 'timer_stopped_by_another', 'manual', 'correction', 'correction_adding')),
    ADD CONSTRAINT time_log_entries_entry_reason_check
        CHECK ((source IN ('manual', 'correction', 'correction_adding')) = (entry_reason IS NOT NULL)),
    ADD CONSTRAINT time_log_entries_supersedes_check
        CHECK ((source IN ('correction', 'correction_adding')) = (supersedes_id IS NOT NULL)),
    -- What an approval points at: with the member whose time it is, so that a CHECK can see whether it is one's own.
    ADD CONSTRAINT time_log_entries_tenant_id_id_coordinator_id_key UNIQUE (tenant_id, id, coordinator_id);
CREATE INDEX time_log_entries_awaiting_idx ON time_log_entries (tenant_id, start_time)
    WHERE source IN ('manual', 'correction_adding') AND NOT is_void;

CREATE TABLE time_entry_approvals (
    entry_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    coordinator_id UUID NOT NULL,
    approved_by UUID NOT NULL,
    decision TEXT NOT NULL,
    reason BYTEA,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT time_entry_approvals_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT time_entry_approvals_tenant_id_entry_id_key UNIQUE (tenant_id, entry_id),
    CONSTRAINT time_entry_approvals_tenant_id_entry_id_coordinator_id_fkey
        FOREIGN KEY (tenant_id, entry_id, coordinator_id) REFERENCES time_log_entries (tenant_id, id, coordinator_id),
    CONSTRAINT time_entry_approvals_tenant_id_patient_id_fkey
        FOREIGN KEY (tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT time_entry_approvals_tenant_id_approved_by_fkey
        FOREIGN KEY (tenant_id, approved_by) REFERENCES members (tenant_id, id),
    CONSTRAINT time_entry_approvals_decision_check CHECK (decision IN ('approved', 'refused')),
    CONSTRAINT time_entry_approvals_second_person_check CHECK (approved_by <> coordinator_id),
    CONSTRAINT time_entry_approvals_reason_check CHECK ((decision = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX time_entry_approvals_patient_idx ON time_entry_approvals (tenant_id, patient_id);

-- Sums of the entries, kept by triggers in the transaction that changes them. Rows are changed far more often than made:
-- the room left on each page lets a change stay on it.
CREATE TABLE month_seconds (
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    service_month DATE NOT NULL,
    patient_id UUID NOT NULL,
    program TEXT NOT NULL,
    staff_secs INTEGER NOT NULL,
    practitioner_secs INTEGER NOT NULL,
    uncounted_secs INTEGER NOT NULL,
    awaiting_secs INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    last_contact_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT month_seconds_pkey PRIMARY KEY (tenant_id, service_month, patient_id, program),
    CONSTRAINT month_seconds_tenant_id_patient_id_fkey
        FOREIGN KEY (tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT month_seconds_sums_check CHECK (
        staff_secs >= 0 AND practitioner_secs >= 0 AND uncounted_secs >= 0 AND awaiting_secs >= 0 AND entries >= 0
    )
) WITH (fillfactor = 80);
CREATE INDEX month_seconds_patient_idx ON month_seconds (tenant_id, patient_id);

CREATE TABLE member_days (
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    member_id UUID NOT NULL,
    day DATE NOT NULL,
    seconds INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    CONSTRAINT member_days_pkey PRIMARY KEY (tenant_id, member_id, day),
    CONSTRAINT member_days_tenant_id_member_id_fkey
        FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT member_days_sums_check CHECK (seconds >= 0 AND entries >= 0)
) WITH (fillfactor = 80);
CREATE INDEX member_days_day_idx ON member_days (tenant_id, day);
