-- What an entry adds to its month. The lists are those of time_log.rules.ACTIVITY_TYPES on the day of this revision; a
-- test compares them, so that a new kind of work comes with a revision that says what it counts as.
CREATE FUNCTION ctx.counts_as(activity_type text, staff_role text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE
        WHEN staff_role = 'non_clinical' OR activity_type NOT IN (
            'patient_call', 'secure_message', 'care_plan', 'medication_review', 'education', 'coordination', 'transition',
            'community_services', 'results_review', 'preventive_care', 'unsuccessful_outreach'
        ) THEN 'uncounted'
        WHEN staff_role = 'billing_practitioner' THEN 'practitioner'
        ELSE 'staff'
    END;
CREATE FUNCTION ctx.is_contact(activity_type text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN activity_type IN ('patient_call', 'secure_message', 'education');
-- Time that was told rather than taken: it waits for a second person.
CREATE FUNCTION ctx.awaits(source text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN source IN ('manual', 'correction_adding');
GRANT EXECUTE ON FUNCTION ctx.counts_as(text, text), ctx.is_contact(text), ctx.awaits(text)
    TO caretide_app, caretide_worker, caretide_gateway;

-- A correction takes the place of an entry that whoever corrects it has just voided. One that stays inside it counts as
-- it did; one that reaches beyond it, or counts where it did not, is told time like any other and says so in its source.
CREATE FUNCTION public.correction_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    was public.time_log_entries;
BEGIN
    IF NEW.supersedes_id IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT * INTO was FROM public.time_log_entries AS e WHERE e.tenant_id = NEW.tenant_id AND e.id = NEW.supersedes_id;
    IF NOT FOUND OR NOT was.is_void OR was.voided_by IS DISTINCT FROM ctx.member()
        OR (was.coordinator_id, was.patient_id) IS DISTINCT FROM (NEW.coordinator_id, NEW.patient_id) THEN
        RAISE EXCEPTION 'A correction takes the place of an entry that is voided for it, of the same person and patient';
    END IF;
    IF ctx.awaits(NEW.source) THEN
        RETURN NEW;
    END IF;
    IF NEW.start_time < was.start_time OR NEW.end_time > was.end_time OR NEW.enrollment_id <> was.enrollment_id
        OR NEW.program <> was.program
        OR ctx.counts_as(NEW.activity_type, NEW.staff_role)
            NOT IN ('uncounted', ctx.counts_as(was.activity_type, was.staff_role))
        OR ctx.awaits(was.source) AND NOT EXISTS (
            SELECT FROM public.time_entry_approvals AS a
            WHERE a.tenant_id = was.tenant_id AND a.entry_id = was.id AND a.decision = 'approved'
        ) THEN
        RAISE EXCEPTION 'A correction that adds time waits for approval';
    END IF;
    RETURN NEW;
END $$;

-- A second person decides once, in their own name, over time that stands and waits, in a month that is open. The entry
-- is locked first: a void that comes at the same moment finds the decision, or the decision finds the void.
CREATE FUNCTION public.approval_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    decided public.time_log_entries;
BEGIN
    SELECT * INTO decided FROM public.time_log_entries AS e
    WHERE e.tenant_id = NEW.tenant_id AND e.id = NEW.entry_id FOR NO KEY UPDATE;
    IF NOT FOUND OR decided.patient_id <> NEW.patient_id THEN
        RAISE EXCEPTION 'There is no such entry';
    END IF;
    IF NEW.approved_by IS DISTINCT FROM ctx.member() THEN
        RAISE EXCEPTION 'Time is approved in one''s own name';
    END IF;
    IF NEW.approved_by IN (decided.coordinator_id, decided.entered_by) THEN
        RAISE EXCEPTION 'A second person decides: not the one whose time it is, and not the one who entered it';
    END IF;
    IF decided.is_void THEN
        RAISE EXCEPTION 'This entry is void; there is nothing to decide';
    END IF;
    IF NOT ctx.awaits(decided.source) THEN
        RAISE EXCEPTION 'This entry counts without approval';
    END IF;
    IF EXISTS (
        SELECT FROM public.time_entry_approvals AS a WHERE a.tenant_id = NEW.tenant_id AND a.entry_id = NEW.entry_id
    ) THEN
        RAISE EXCEPTION 'This entry was decided before';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(
        ctx.month_key(decided.tenant_id, decided.clinic_id, decided.service_month)
    );
    IF EXISTS (
        SELECT FROM public.month_locks AS l
        WHERE l.tenant_id = decided.tenant_id AND l.clinic_id = decided.clinic_id
          AND l.service_month = decided.service_month AND l.released_at IS NULL
    ) THEN
        RAISE EXCEPTION 'This month is closed for the clinic; its time can no longer change';
    END IF;
    RETURN NEW;
END $$;

-- The sums, one upsert a statement, in the order of their keys so that two transactions never wait for each other in a
-- ring. With the owner's rights, because nobody else may write them, and because a patient's sum is kept up though the
-- patient is no longer on the roster of the member who acts.
CREATE FUNCTION public.sum_new_time() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.month_seconds AS m
    SELECT e.tenant_id, e.service_month, e.patient_id, e.program,
        coalesce(sum(e.duration_secs) FILTER (WHERE e.kind = 'staff'), 0),
        coalesce(sum(e.duration_secs) FILTER (WHERE e.kind = 'practitioner'), 0),
        coalesce(sum(e.duration_secs) FILTER (WHERE e.kind = 'uncounted'), 0),
        coalesce(sum(e.duration_secs) FILTER (WHERE e.kind = 'awaiting'), 0),
        count(*),
        max(e.end_time) FILTER (WHERE ctx.is_contact(e.activity_type))
    FROM (
        SELECT f.*, CASE WHEN ctx.awaits(f.source) THEN 'awaiting' ELSE ctx.counts_as(f.activity_type, f.staff_role) END
            AS kind
        FROM fresh AS f
    ) AS e
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, service_month, patient_id, program) DO UPDATE SET
        staff_secs = m.staff_secs + excluded.staff_secs,
        practitioner_secs = m.practitioner_secs + excluded.practitioner_secs,
        uncounted_secs = m.uncounted_secs + excluded.uncounted_secs,
        awaiting_secs = m.awaiting_secs + excluded.awaiting_secs,
        entries = m.entries + excluded.entries,
        last_contact_at = greatest(m.last_contact_at, excluded.last_contact_at);
    INSERT INTO public.member_days AS d
    SELECT f.tenant_id, f.coordinator_id, (f.start_time AT TIME ZONE c.time_zone)::date, sum(f.duration_secs), count(*)
    FROM fresh AS f JOIN public.clinics AS c ON c.tenant_id = f.tenant_id AND c.id = f.clinic_id
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (tenant_id, member_id, day) DO UPDATE SET
        seconds = d.seconds + excluded.seconds, entries = d.entries + excluded.entries;
    RETURN NULL;
END $$;

-- Entries that no longer count: the last contact is looked up anew among those that remain, after the sums are locked.
CREATE FUNCTION public.take_time_off(gone uuid[], of_tenant uuid, how text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM FROM public.month_seconds AS m
    WHERE m.tenant_id = of_tenant AND (m.service_month, m.patient_id, m.program) IN (
        SELECT e.service_month, e.patient_id, e.program FROM public.time_log_entries AS e
        WHERE e.tenant_id = of_tenant AND e.id = ANY (gone)
    )
    ORDER BY m.tenant_id, m.service_month, m.patient_id, m.program FOR NO KEY UPDATE;
    UPDATE public.month_seconds AS m SET
        staff_secs = m.staff_secs - t.staff, practitioner_secs = m.practitioner_secs - t.practitioner,
        uncounted_secs = m.uncounted_secs - t.uncounted, awaiting_secs = m.awaiting_secs - t.awaiting,
        entries = m.entries - t.entries,
        last_contact_at = (
            SELECT max(e.end_time) FROM public.time_log_entries AS e
            WHERE e.tenant_id = m.tenant_id AND e.service_month = m.service_month AND e.patient_id = m.patient_id
              AND e.program = m.program AND NOT e.is_void AND ctx.is_contact(e.activity_type)
              AND NOT EXISTS (
                  SELECT FROM public.time_entry_approvals AS a
                  WHERE a.tenant_id = e.tenant_id AND a.entry_id = e.id AND a.decision = 'refused'
              )
        )
    FROM (
        SELECT e.service_month, e.patient_id, e.program, count(*) AS entries,
            coalesce(sum(e.duration_secs) FILTER (WHERE g.kind = 'staff'), 0) AS staff,
            coalesce(sum(e.duration_secs) FILTER (WHERE g.kind = 'practitioner'), 0) AS practitioner,
            coalesce(sum(e.duration_secs) FILTER (WHERE g.kind = 'uncounted'), 0) AS uncounted,
            coalesce(sum(e.duration_secs) FILTER (WHERE g.kind = 'awaiting'), 0) AS awaiting
        FROM unnest(gone, how) AS g(id, kind)
        JOIN public.time_log_entries AS e ON e.tenant_id = of_tenant AND e.id = g.id
        GROUP BY 1, 2, 3
    ) AS t
    WHERE m.tenant_id = of_tenant AND m.service_month = t.service_month AND m.patient_id = t.patient_id
      AND m.program = t.program;
    PERFORM FROM public.member_days AS d
    WHERE d.tenant_id = of_tenant AND (d.member_id, d.day) IN (
        SELECT e.coordinator_id, (e.start_time AT TIME ZONE c.time_zone)::date
        FROM public.time_log_entries AS e JOIN public.clinics AS c ON c.tenant_id = e.tenant_id AND c.id = e.clinic_id
        WHERE e.tenant_id = of_tenant AND e.id = ANY (gone)
    )
    ORDER BY d.tenant_id, d.member_id, d.day FOR NO KEY UPDATE;
    UPDATE public.member_days AS d SET seconds = d.seconds - t.seconds, entries = d.entries - t.entries
    FROM (
        SELECT e.coordinator_id, (e.start_time AT TIME ZONE c.time_zone)::date AS day,
            sum(e.duration_secs) AS seconds, count(*) AS entries
        FROM public.time_log_entries AS e JOIN public.clinics AS c ON c.tenant_id = e.tenant_id AND c.id = e.clinic_id
        WHERE e.tenant_id = of_tenant AND e.id = ANY (gone)
        GROUP BY 1, 2
    ) AS t
    WHERE d.tenant_id = of_tenant AND d.member_id = t.coordinator_id AND d.day = t.day;
END $$;

-- A void. A refused entry was taken off when it was refused.
CREATE FUNCTION public.sum_voided_time() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    gone uuid[];
    how text[];
    tenant uuid;
BEGIN
    SELECT array_agg(f.id ORDER BY f.id), min(f.tenant_id::text)::uuid, array_agg(
        CASE WHEN ctx.awaits(f.source) AND a.decision IS NULL THEN 'awaiting'
            ELSE ctx.counts_as(f.activity_type, f.staff_role) END ORDER BY f.id
    )
    INTO gone, tenant, how
    FROM fresh AS f
    JOIN stale AS s ON s.tenant_id = f.tenant_id AND s.id = f.id
    LEFT JOIN public.time_entry_approvals AS a ON a.tenant_id = f.tenant_id AND a.entry_id = f.id
    WHERE f.is_void AND NOT s.is_void AND a.decision IS DISTINCT FROM 'refused';
    IF gone IS NOT NULL THEN
        PERFORM public.take_time_off(gone, tenant, how);
    END IF;
    RETURN NULL;
END $$;

-- A decision: what waited counts, or is taken off.
CREATE FUNCTION public.sum_decided_time() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    gone uuid[];
    tenant uuid;
BEGIN
    SELECT array_agg(f.entry_id), min(f.tenant_id::text)::uuid INTO gone, tenant
    FROM fresh AS f WHERE f.decision = 'refused';
    IF gone IS NOT NULL THEN
        PERFORM public.take_time_off(gone, tenant, array_fill('awaiting'::text, ARRAY[cardinality(gone)]));
    END IF;
    PERFORM FROM public.month_seconds AS m
    WHERE (m.tenant_id, m.service_month, m.patient_id, m.program) IN (
        SELECT e.tenant_id, e.service_month, e.patient_id, e.program
        FROM fresh AS f JOIN public.time_log_entries AS e ON e.tenant_id = f.tenant_id AND e.id = f.entry_id
        WHERE f.decision = 'approved'
    )
    ORDER BY m.tenant_id, m.service_month, m.patient_id, m.program FOR NO KEY UPDATE;
    UPDATE public.month_seconds AS m SET
        staff_secs = m.staff_secs + t.staff, practitioner_secs = m.practitioner_secs + t.practitioner,
        uncounted_secs = m.uncounted_secs + t.uncounted,
        awaiting_secs = m.awaiting_secs - t.staff - t.practitioner - t.uncounted
    FROM (
        SELECT e.tenant_id, e.service_month, e.patient_id, e.program,
            coalesce(sum(e.duration_secs) FILTER (WHERE e.kind = 'staff'), 0) AS staff,
            coalesce(sum(e.duration_secs) FILTER (WHERE e.kind = 'practitioner'), 0) AS practitioner,
            coalesce(sum(e.duration_secs) FILTER (WHERE e.kind = 'uncounted'), 0) AS uncounted
        FROM (
            SELECT e.*, ctx.counts_as(e.activity_type, e.staff_role) AS kind
            FROM fresh AS f JOIN public.time_log_entries AS e ON e.tenant_id = f.tenant_id AND e.id = f.entry_id
            WHERE f.decision = 'approved'
        ) AS e
        GROUP BY 1, 2, 3, 4
    ) AS t
    WHERE m.tenant_id = t.tenant_id AND m.service_month = t.service_month AND m.patient_id = t.patient_id
      AND m.program = t.program;
    RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION public.sum_new_time(), public.sum_voided_time(), public.sum_decided_time(),
    public.take_time_off(uuid[], uuid, text[]) FROM PUBLIC;

CREATE TRIGGER b_correction BEFORE INSERT ON public.time_log_entries
    FOR EACH ROW EXECUTE FUNCTION public.correction_guard();
CREATE TRIGGER a_guard BEFORE INSERT ON public.time_entry_approvals
    FOR EACH ROW EXECUTE FUNCTION public.approval_guard();
CREATE TRIGGER d_sum_new AFTER INSERT ON public.time_log_entries
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION public.sum_new_time();
CREATE TRIGGER d_sum_voided AFTER UPDATE ON public.time_log_entries
    REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION public.sum_voided_time();
CREATE TRIGGER d_sum_decided AFTER INSERT ON public.time_entry_approvals
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION public.sum_decided_time();
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER b_correction;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER d_sum_new;
ALTER TABLE public.time_log_entries ENABLE ALWAYS TRIGGER d_sum_voided;
ALTER TABLE public.time_entry_approvals ENABLE ALWAYS TRIGGER a_guard;
ALTER TABLE public.time_entry_approvals ENABLE ALWAYS TRIGGER d_sum_decided;

-- The roster walls. The owner, who cannot log in and is still held by the tenant wall, passes them: that is who keeps the
-- sums. Decisions are seen with the patient, and by the member whose time was decided over; nobody behind the wall makes
-- one.
CREATE POLICY roster ON public.month_seconds AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (
        (SELECT ctx.sees_all()) OR patient_id = ANY ((SELECT ctx.roster())::uuid[])
        OR (SELECT current_user = 'caretide_owner')
    )
    WITH CHECK (
        (SELECT ctx.sees_all()) OR patient_id = ANY ((SELECT ctx.roster())::uuid[])
        OR (SELECT current_user = 'caretide_owner')
    );
ALTER POLICY roster ON public.time_log_entries USING (
    (SELECT ctx.sees_all()) OR patient_id = ANY ((SELECT ctx.roster())::uuid[])
    OR coordinator_id = (SELECT ctx.member()) OR (SELECT current_user = 'caretide_owner')
);
CREATE POLICY roster ON public.time_entry_approvals AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (
        (SELECT ctx.sees_all()) OR patient_id = ANY ((SELECT ctx.roster())::uuid[])
        OR coordinator_id = (SELECT ctx.member()) OR (SELECT current_user = 'caretide_owner')
    )
    WITH CHECK ((SELECT ctx.sees_all()) AND approved_by = (SELECT ctx.member()));

-- The sums of what is recorded already. The tenant wall holds the owner too (FORCE), so each tenant is bound in turn.
DO $$
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT t.id FROM public.tenants AS t ORDER BY t.id LOOP
        PERFORM set_config('app.ctx', one::text || '::0', true);
        INSERT INTO public.month_seconds
        SELECT e.tenant_id, e.service_month, e.patient_id, e.program,
            coalesce(sum(e.duration_secs) FILTER (WHERE ctx.counts_as(e.activity_type, e.staff_role) = 'staff'), 0),
            coalesce(
                sum(e.duration_secs) FILTER (WHERE ctx.counts_as(e.activity_type, e.staff_role) = 'practitioner'), 0
            ),
            coalesce(sum(e.duration_secs) FILTER (WHERE ctx.counts_as(e.activity_type, e.staff_role) = 'uncounted'), 0),
            0, count(*), max(e.end_time) FILTER (WHERE ctx.is_contact(e.activity_type))
        FROM public.time_log_entries AS e WHERE NOT e.is_void GROUP BY 1, 2, 3, 4;
        INSERT INTO public.member_days
        SELECT e.tenant_id, e.coordinator_id, (e.start_time AT TIME ZONE c.time_zone)::date, sum(e.duration_secs), count(*)
        FROM public.time_log_entries AS e JOIN public.clinics AS c ON c.tenant_id = e.tenant_id AND c.id = e.clinic_id
        WHERE NOT e.is_void GROUP BY 1, 2, 3;
    END LOOP;
    PERFORM set_config('app.ctx', '', true);
END $$;
