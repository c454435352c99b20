-- Who belongs to a service company, and nobody who gives themselves a role. Run as the owner.

-- Ids alone, as memberships hold: which figures a company's director sees is asked tenant by tenant, inside its wall.
CREATE TABLE company_accounts (
    company_id UUID NOT NULL,
    account_id UUID NOT NULL,
    is_director BOOLEAN DEFAULT false NOT NULL,
    joined_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT company_accounts_pkey PRIMARY KEY (company_id, account_id),
    CONSTRAINT company_accounts_company_id_fkey FOREIGN KEY(company_id) REFERENCES companies (id),
    CONSTRAINT company_accounts_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);
CREATE INDEX company_accounts_account_id_idx ON company_accounts (account_id);

-- A role is given by somebody else, and so is access that had ended. Who acts as no member is the command line.
CREATE FUNCTION members_grant_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.id = ctx.member() THEN
        RAISE EXCEPTION 'Nobody changes their own role or access; ask another administrator';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER members_grant_guard BEFORE UPDATE OF role, status ON members
    FOR EACH ROW WHEN (NEW.role <> OLD.role OR NEW.status <> OLD.status)
    EXECUTE FUNCTION members_grant_guard();
