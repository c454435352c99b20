-- What was given to somebody outside. Whether a row belongs in an accounting follows from its basis. Run as the owner.
CREATE TABLE disclosures (
    patient_id UUID NOT NULL,
    member_id UUID,
    way TEXT NOT NULL,
    disclosed_on DATE NOT NULL,
    what BYTEA NOT NULL,
    document_id UUID,
    recipient BYTEA NOT NULL,
    address BYTEA NOT NULL,
    purpose BYTEA NOT NULL,
    basis TEXT NOT NULL,
    is_accountable BOOLEAN GENERATED ALWAYS AS (basis NOT IN ('authorization', 'custody', 'individual', 'involved', 'limited_data_set', 'national_security', 'operations', 'payment', 'treatment')) STORED NOT NULL,
    held_until DATE,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT disclosures_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT disclosures_tenant_id_patient_id_fkey FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT disclosures_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT disclosures_tenant_id_document_id_fkey FOREIGN KEY(tenant_id, document_id) REFERENCES documents (tenant_id, id),
    CONSTRAINT disclosures_way_check CHECK (way IN ('document', 'export', 'filed', 'sent'))
);
CREATE INDEX disclosures_patient_id_idx ON disclosures (tenant_id, patient_id, disclosed_on);
