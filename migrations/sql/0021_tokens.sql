-- Tokens of programs, service accounts, and what ended with a person's access. Run as the owner.
ALTER TABLE accounts ADD COLUMN ended_at TIMESTAMP WITH TIME ZONE;

CREATE TABLE service_accounts (
    name TEXT NOT NULL,
    purpose TEXT DEFAULT '' NOT NULL,
    created_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_by UUID,
    ended_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT service_accounts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT service_accounts_tenant_id_created_by_fkey
        FOREIGN KEY(tenant_id, created_by) REFERENCES members (tenant_id, id),
    CONSTRAINT service_accounts_tenant_id_ended_by_fkey
        FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id)
);

CREATE TABLE api_tokens (
    member_id UUID,
    account_id UUID,
    service_id UUID,
    name TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    networks TEXT[] DEFAULT '{}' NOT NULL,
    created_by UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_by UUID,
    revoked_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_tokens_tenant_id_member_id_fkey
        FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT api_tokens_tenant_id_created_by_fkey
        FOREIGN KEY(tenant_id, created_by) REFERENCES members (tenant_id, id),
    CONSTRAINT api_tokens_tenant_id_revoked_by_fkey
        FOREIGN KEY(tenant_id, revoked_by) REFERENCES members (tenant_id, id),
    CONSTRAINT api_tokens_tenant_id_service_id_fkey
        FOREIGN KEY(tenant_id, service_id) REFERENCES service_accounts (tenant_id, id),
    CONSTRAINT api_tokens_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id),
    CONSTRAINT api_tokens_tenant_id_secret_hash_key UNIQUE (tenant_id, secret_hash),
    CONSTRAINT api_tokens_owner_check CHECK ((member_id IS NULL) <> (service_id IS NULL)),
    CONSTRAINT api_tokens_account_check CHECK ((member_id IS NULL) = (account_id IS NULL)),
    CONSTRAINT api_tokens_expires_check
        CHECK (expires_at > created_at AND expires_at <= created_at + interval '365 days')
);
CREATE INDEX api_tokens_member_id_idx ON api_tokens (tenant_id, member_id);
CREATE INDEX api_tokens_service_id_idx ON api_tokens (tenant_id, service_id);

-- What was revoked stays so, whoever asks.
CREATE FUNCTION revoked_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    RAISE EXCEPTION 'This token was revoked; make a new one';
END $$;
CREATE TRIGGER revoked_stays BEFORE UPDATE ON api_tokens
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION revoked_stays();

-- The event `workforce.access_ended`: inserted by the transaction that ends an access, never changed.
CREATE TABLE access_endings (
    member_id UUID NOT NULL,
    ended_by UUID,
    ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sessions INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    links INTEGER NOT NULL,
    had_timer BOOLEAN DEFAULT false NOT NULL,
    timer_ended_at TIMESTAMP WITH TIME ZONE,
    timer_seconds INTEGER,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT access_endings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT access_endings_tenant_id_member_id_fkey
        FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT access_endings_tenant_id_ended_by_fkey
        FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id),
    CONSTRAINT access_endings_counts_check CHECK (sessions >= 0 AND tokens >= 0 AND links >= 0)
);
CREATE INDEX access_endings_at_idx ON access_endings (tenant_id, ended_at, id);
CREATE INDEX access_endings_member_id_idx ON access_endings (tenant_id, member_id, ended_at);
