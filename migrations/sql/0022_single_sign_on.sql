-- Identity providers of tenants and companies, whom they vouch for, and who is on the way there. Run as the owner.
ALTER TABLE sessions ADD COLUMN via_tenant UUID, ADD COLUMN via_company UUID;

CREATE TABLE tenant_providers (
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    sealed_secret BYTEA,
    authorization_endpoint TEXT NOT NULL,
    token_endpoint TEXT NOT NULL,
    jwks_uri TEXT NOT NULL,
    by_post BOOLEAN NOT NULL,
    sends_issuer BOOLEAN NOT NULL,
    algorithms TEXT[] NOT NULL,
    acr_values TEXT[] DEFAULT '{}' NOT NULL,
    amr_values TEXT[] DEFAULT '{}' NOT NULL,
    keys JSONB NOT NULL,
    keys_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_on BOOLEAN DEFAULT true NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_by UUID,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT tenant_providers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tenant_providers_tenant_id_key UNIQUE (tenant_id),
    CONSTRAINT tenant_providers_tenant_id_changed_by_fkey
        FOREIGN KEY(tenant_id, changed_by) REFERENCES members (tenant_id, id)
);

CREATE TABLE company_providers (
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    sealed_secret BYTEA,
    authorization_endpoint TEXT NOT NULL,
    token_endpoint TEXT NOT NULL,
    jwks_uri TEXT NOT NULL,
    by_post BOOLEAN NOT NULL,
    sends_issuer BOOLEAN NOT NULL,
    algorithms TEXT[] NOT NULL,
    acr_values TEXT[] DEFAULT '{}' NOT NULL,
    amr_values TEXT[] DEFAULT '{}' NOT NULL,
    keys JSONB NOT NULL,
    keys_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_on BOOLEAN DEFAULT true NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    company_id UUID NOT NULL,
    changed_by UUID,
    CONSTRAINT company_providers_pkey PRIMARY KEY (company_id),
    CONSTRAINT company_providers_company_id_fkey FOREIGN KEY(company_id) REFERENCES companies (id),
    CONSTRAINT company_providers_changed_by_fkey FOREIGN KEY(changed_by) REFERENCES accounts (id)
);

CREATE TABLE linked_identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_id UUID NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT linked_identities_pkey PRIMARY KEY (issuer, subject),
    CONSTRAINT linked_identities_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);
CREATE INDEX linked_identities_account_id_idx ON linked_identities (account_id);

CREATE TABLE provider_flows (
    digest BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    tenant_id UUID,
    company_id UUID,
    account_id UUID,
    is_again BOOLEAN NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT provider_flows_pkey PRIMARY KEY (digest),
    CONSTRAINT provider_flows_purpose_check CHECK (purpose IN ('enter', 'link', 'join'))
);
CREATE INDEX provider_flows_expires_at_idx ON provider_flows (expires_at);
