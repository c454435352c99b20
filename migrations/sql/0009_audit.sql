-- Events as bytes: what happened stands in one canonical document, the columns are read out of it, and its leaf can be
-- put into a Merkle tree. Nobody changes or removes an event; the application may insert and read.

ALTER TABLE public.audit_events
    ADD COLUMN app_at timestamptz,
    ADD COLUMN roles text[],
    ADD COLUMN session text,
    ADD COLUMN request_id uuid,
    ADD COLUMN ip text,
    ADD COLUMN agent text,
    ADD COLUMN route text,
    ADD COLUMN act text,
    ADD COLUMN data text[],
    ADD COLUMN purpose text,
    ADD COLUMN glass_id uuid,
    ADD COLUMN rows integer,
    ADD COLUMN patients integer,
    ADD COLUMN canonical bytea,
    ADD COLUMN leaf bytea,
    ALTER COLUMN at DROP DEFAULT;
ALTER TABLE public.account_events
    ADD COLUMN app_at timestamptz,
    ADD COLUMN session text,
    ADD COLUMN request_id uuid,
    ADD COLUMN ip text,
    ADD COLUMN agent text,
    ADD COLUMN route text,
    ADD COLUMN act text,
    ADD COLUMN data text[],
    ADD COLUMN details jsonb,
    ADD COLUMN canonical bytea,
    ADD COLUMN leaf bytea,
    ALTER COLUMN at DROP DEFAULT;

-- What was recorded before there were bytes is written down as it stands, form 0. The owner is bound by the wall like
-- everybody; for this one statement, inside this transaction and its exclusive lock, the tables are not.
ALTER TABLE public.audit_events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE public.audit_event_patients NO FORCE ROW LEVEL SECURITY;
UPDATE public.audit_events AS e
SET app_at = e.at, roles = '{}', route = '', act = 'unrecorded', data = '{}', patients = coalesce(seen.patients, 0),
    -- Nulls are left out, but for those inside details, which stand in the bytes as they stood.
    canonical = convert_to((jsonb_strip_nulls(jsonb_build_object(
        'v', 0, 'tenant', e.tenant_id, 'id', e.id,
        'at', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'app_at', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'actor', e.actor_kind, 'account', e.account_id, 'member', e.member_id, 'roles', '[]'::jsonb, 'route', '',
        'verb', e.verb, 'act', 'unrecorded', 'data', '[]'::jsonb, 'outcome', e.outcome,
        'patients', coalesce(seen.ids, '[]'::jsonb)
    )) || jsonb_build_object('details', e.details))::text, 'UTF8')
FROM public.audit_events AS same
LEFT JOIN (
    SELECT tenant_id, id, count(*) AS patients, jsonb_agg(patient_id ORDER BY patient_id) AS ids
    FROM public.audit_event_patients GROUP BY tenant_id, id
) AS seen USING (tenant_id, id)
WHERE e.tenant_id = same.tenant_id AND e.id = same.id;
UPDATE public.audit_events SET leaf = sha256('\x00'::bytea || canonical);
UPDATE public.account_events
SET app_at = at, route = '', act = 'unrecorded', data = '{}', details = '{}',
    canonical = convert_to(jsonb_strip_nulls(jsonb_build_object(
        'v', 0, 'id', id, 'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'app_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'actor', 'account', 'account', account_id, 'roles', '[]'::jsonb, 'route', '', 'verb', verb,
        'act', 'unrecorded', 'data', '[]'::jsonb, 'outcome', outcome, 'patients', '[]'::jsonb, 'details', '{}'::jsonb
    ))::text, 'UTF8');
UPDATE public.account_events SET leaf = sha256('\x00'::bytea || canonical);
ALTER TABLE public.audit_events FORCE ROW LEVEL SECURITY;
ALTER TABLE public.audit_event_patients FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit_events
    ALTER COLUMN app_at SET NOT NULL,
    ALTER COLUMN roles SET NOT NULL,
    ALTER COLUMN route SET NOT NULL,
    ALTER COLUMN act SET NOT NULL,
    ALTER COLUMN data SET NOT NULL,
    ALTER COLUMN patients SET NOT NULL,
    ALTER COLUMN canonical SET NOT NULL,
    ALTER COLUMN leaf SET NOT NULL,
    ADD CONSTRAINT audit_events_leaf_check CHECK (leaf = sha256('\x00'::bytea || canonical));
ALTER TABLE public.account_events
    ALTER COLUMN app_at SET NOT NULL,
    ALTER COLUMN route SET NOT NULL,
    ALTER COLUMN act SET NOT NULL,
    ALTER COLUMN data SET NOT NULL,
    ALTER COLUMN details SET NOT NULL,
    ALTER COLUMN canonical SET NOT NULL,
    ALTER COLUMN leaf SET NOT NULL,
    ADD CONSTRAINT account_events_leaf_check CHECK (leaf = sha256('\x00'::bytea || canonical));

CREATE INDEX audit_events_at_idx ON public.audit_events (tenant_id, at, id);
CREATE INDEX audit_events_member_id_idx ON public.audit_events (tenant_id, member_id, at, id);
-- One index in place of two: "who saw this chart?" asks by patient, and what an event names stands in its bytes. Nor
-- does a foreign key look at each of a list's thousand patients: event and patients are one statement's work out of the
-- same bytes, nothing is ever removed, and verification compares them.
ALTER TABLE public.audit_event_patients
    DROP CONSTRAINT audit_event_patients_tenant_id_id_fkey,
    DROP CONSTRAINT audit_event_patients_pkey,
    ADD CONSTRAINT audit_event_patients_pkey PRIMARY KEY (tenant_id, patient_id, id);
CREATE INDEX account_events_account_id_idx ON public.account_events (account_id, at);

CREATE FUNCTION public.audit_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'An event carries the time of its transaction, by the database''s own clock';
    END IF;
    RAISE EXCEPTION 'Events of the audit trail are never changed or removed';
END $$;

-- The time is checked without a call: an event that tells the truth costs a comparison.
CREATE TRIGGER a_time BEFORE INSERT ON public.audit_events
    FOR EACH ROW WHEN (NEW.at IS DISTINCT FROM transaction_timestamp()) EXECUTE FUNCTION public.audit_guard();
CREATE TRIGGER a_time BEFORE INSERT ON public.account_events
    FOR EACH ROW WHEN (NEW.at IS DISTINCT FROM transaction_timestamp()) EXECUTE FUNCTION public.audit_guard();
CREATE TRIGGER a_guard BEFORE UPDATE OR DELETE ON public.audit_events
    FOR EACH ROW EXECUTE FUNCTION public.audit_guard();
CREATE TRIGGER a_guard BEFORE UPDATE OR DELETE ON public.audit_event_patients
    FOR EACH ROW EXECUTE FUNCTION public.audit_guard();
CREATE TRIGGER a_guard BEFORE UPDATE OR DELETE ON public.account_events
    FOR EACH ROW EXECUTE FUNCTION public.audit_guard();
CREATE TRIGGER a_guard_truncate BEFORE TRUNCATE ON public.audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_guard();
CREATE TRIGGER a_guard_truncate BEFORE TRUNCATE ON public.audit_event_patients
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_guard();
CREATE TRIGGER a_guard_truncate BEFORE TRUNCATE ON public.account_events
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_guard();
ALTER TABLE public.audit_events ENABLE ALWAYS TRIGGER a_time;
ALTER TABLE public.audit_events ENABLE ALWAYS TRIGGER a_guard;
ALTER TABLE public.audit_events ENABLE ALWAYS TRIGGER a_guard_truncate;
ALTER TABLE public.audit_event_patients ENABLE ALWAYS TRIGGER a_guard;
ALTER TABLE public.audit_event_patients ENABLE ALWAYS TRIGGER a_guard_truncate;
ALTER TABLE public.account_events ENABLE ALWAYS TRIGGER a_time;
ALTER TABLE public.account_events ENABLE ALWAYS TRIGGER a_guard;
ALTER TABLE public.account_events ENABLE ALWAYS TRIGGER a_guard_truncate;
