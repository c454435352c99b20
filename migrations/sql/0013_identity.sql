-- Second factors, what failed, and sessions that know how they were opened.
ALTER TABLE accounts ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE accounts DROP COLUMN failed_attempts, DROP COLUMN locked_until;

CREATE TABLE passkeys (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    credential_id BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT passkeys_pkey PRIMARY KEY (id),
    CONSTRAINT passkeys_credential_id_key UNIQUE (credential_id),
    CONSTRAINT passkeys_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);
CREATE INDEX passkeys_account_id_idx ON passkeys (account_id);

CREATE TABLE totp_seeds (
    account_id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    last_step BIGINT DEFAULT 0 NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT totp_seeds_pkey PRIMARY KEY (account_id),
    CONSTRAINT totp_seeds_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE recovery_codes (
    account_id UUID NOT NULL,
    code_hash BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (account_id, code_hash),
    CONSTRAINT recovery_codes_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE challenges (
    digest BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    account_id UUID,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT challenges_pkey PRIMARY KEY (digest)
);
CREATE INDEX challenges_expires_at_idx ON challenges (expires_at);

CREATE TABLE authenticator_failures (
    kind TEXT NOT NULL,
    subject BYTEA NOT NULL,
    failures INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    rest_until TIMESTAMP WITH TIME ZONE,
    disabled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT authenticator_failures_pkey PRIMARY KEY (kind, subject),
    CONSTRAINT authenticator_failures_kind_check CHECK (kind IN ('password', 'totp', 'recovery', 'network'))
);

CREATE TABLE account_keys (
    version INTEGER NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT account_keys_pkey PRIMARY KEY (version)
);

-- A session from before names no factor: it opens nothing, and its person signs in again.
ALTER TABLE sessions
    ADD COLUMN id UUID DEFAULT gen_random_uuid() NOT NULL,
    ADD COLUMN amr TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN auth_time TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ADD COLUMN issuer TEXT,
    ADD COLUMN device TEXT DEFAULT '' NOT NULL,
    ADD CONSTRAINT sessions_id_key UNIQUE (id);

-- What is being typed while a timer runs: it survives the end of a session. Nobody reads another's.
CREATE TABLE drafts (
    member_id UUID NOT NULL,
    place TEXT NOT NULL,
    text BYTEA NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT drafts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT drafts_tenant_id_member_id_place_key UNIQUE (tenant_id, member_id, place),
    CONSTRAINT drafts_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id)
);
CREATE POLICY own_draft ON drafts AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (member_id = (SELECT ctx.member())) WITH CHECK (member_id = (SELECT ctx.member()));
