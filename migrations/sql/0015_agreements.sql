-- Business associate agreements, and no patient data before one is in force. Run as the owner.
CREATE TABLE agreements (
    kind TEXT NOT NULL,
    party TEXT NOT NULL,
    company_id UUID,
    file_sha256 TEXT NOT NULL,
    file_octets INTEGER NOT NULL,
    effective_on DATE NOT NULL,
    ends_on DATE,
    breach_notice_hours INTEGER NOT NULL,
    subcontractors TEXT[] DEFAULT '{}'::text[] NOT NULL,
    at_end TEXT NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_on DATE,
    ended_because TEXT,
    ended_by UUID,
    ended_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT agreements_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT agreements_tenant_id_recorded_by_fkey
        FOREIGN KEY(tenant_id, recorded_by) REFERENCES members (tenant_id, id),
    CONSTRAINT agreements_tenant_id_ended_by_fkey FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id),
    CONSTRAINT agreements_company_id_fkey FOREIGN KEY(company_id) REFERENCES companies (id),
    CONSTRAINT agreements_kind_check CHECK (kind IN ('operator', 'company', 'subcontractor')),
    CONSTRAINT agreements_company_check CHECK ((kind = 'company') = (company_id IS NOT NULL)),
    CONSTRAINT agreements_at_end_check CHECK (at_end IN ('return', 'destroy', 'return_or_destroy')),
    CONSTRAINT agreements_breach_notice_hours_check CHECK (breach_notice_hours BETWEEN 1 AND 1440),
    CONSTRAINT agreements_forward_check CHECK (ends_on >= effective_on),
    CONSTRAINT agreements_ended_check CHECK ((ended_on IS NULL) = (ended_at IS NULL)),
    CONSTRAINT agreements_file_sha256_check CHECK (file_sha256 ~ '^[0-9a-f]{64}$')
);

CREATE TABLE agreement_notices (
    agreement_id UUID NOT NULL,
    days INTEGER NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT agreement_notices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT agreement_notices_tenant_id_agreement_id_days_key UNIQUE (tenant_id, agreement_id, days),
    CONSTRAINT agreement_notices_tenant_id_agreement_id_fkey
        FOREIGN KEY(tenant_id, agreement_id) REFERENCES agreements (tenant_id, id)
);

-- Ended once, for a stated reason; nothing else of an agreement changes.
CREATE FUNCTION agreements_end_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'This agreement was ended before';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agreements_end_guard BEFORE UPDATE ON agreements FOR EACH ROW EXECUTE FUNCTION agreements_end_guard();

-- 45 CFR 164.502(e): nothing of a patient before who holds it has agreed. Asked once a statement, of the tenant that the
-- statement is bound to; each day is UTC's, whatever time zone a session chose. Who runs the installation needs one, and
-- a company that serves the tenant one of its own.
CREATE FUNCTION agreement_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    bound uuid := ctx.tenant();
    today date := (statement_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    IF NOT EXISTS (
        SELECT FROM agreements AS a WHERE a.tenant_id = bound AND a.kind = 'operator' AND a.effective_on <= today
            AND (a.ends_on IS NULL OR a.ends_on >= today) AND (a.ended_on IS NULL OR a.ended_on >= today)
    ) THEN
        RAISE EXCEPTION 'No patient data before an agreement is in force with who runs this installation: '
            'record one under Administration, Agreements, or with `caretide agreements add`';
    END IF;
    IF EXISTS (
        SELECT FROM company_services AS s WHERE s.tenant_id = bound AND s.ended_at IS NULL AND NOT EXISTS (
            SELECT FROM agreements AS a
            WHERE a.tenant_id = bound AND a.company_id = s.company_id AND a.effective_on <= today
                AND (a.ends_on IS NULL OR a.ends_on >= today) AND (a.ended_on IS NULL OR a.ended_on >= today)
        )
    ) THEN
        RAISE EXCEPTION 'No patient data before an agreement is in force with the company that serves this tenant: '
            'record one under Administration, Agreements, or with `caretide agreements add`';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER agreement_guard BEFORE INSERT ON patients FOR EACH STATEMENT EXECUTE FUNCTION agreement_guard();
CREATE TRIGGER agreement_guard BEFORE INSERT ON import_runs FOR EACH STATEMENT EXECUTE FUNCTION agreement_guard();
CREATE TRIGGER agreement_guard BEFORE INSERT ON ehr_messages FOR EACH STATEMENT EXECUTE FUNCTION agreement_guard();
ALTER TABLE patients ENABLE ALWAYS TRIGGER agreement_guard;
ALTER TABLE import_runs ENABLE ALWAYS TRIGGER agreement_guard;
ALTER TABLE ehr_messages ENABLE ALWAYS TRIGGER agreement_guard;
