-- Further reasons to see somebody: a colleague's roster that one works for a while, a clinic for whose calls one is on duty,
-- an emergency. Run as the owner.

-- Whose roster who works, from a moment until another. The days are those of a clinic's calendar; the moments follow from
-- them once and for all, so that nobody's time zone moves them. The designations stay.
CREATE TABLE covers (
    absent_id UUID NOT NULL,
    cover_id UUID NOT NULL,
    clinic_id UUID NOT NULL,
    first_on DATE NOT NULL,
    last_on DATE NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by UUID,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT covers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT covers_tenant_id_absent_id_fkey FOREIGN KEY(tenant_id, absent_id) REFERENCES members (tenant_id, id),
    CONSTRAINT covers_tenant_id_cover_id_fkey FOREIGN KEY(tenant_id, cover_id) REFERENCES members (tenant_id, id),
    CONSTRAINT covers_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT covers_tenant_id_recorded_by_fkey FOREIGN KEY(tenant_id, recorded_by) REFERENCES members (tenant_id, id),
    CONSTRAINT covers_tenant_id_ended_by_fkey FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id),
    CONSTRAINT covers_apart_check CHECK (absent_id <> cover_id),
    CONSTRAINT covers_forward_check CHECK (first_on <= last_on AND starts_at < ends_at),
    CONSTRAINT covers_ended_check CHECK (ended_at >= starts_at AND ended_at <= ends_at),
    CONSTRAINT covers_one_at_a_time EXCLUDE USING gist (
        tenant_id WITH =, absent_id WITH =, tstzrange(starts_at, coalesce(ended_at, ends_at)) WITH &&
    )
);
CREATE INDEX covers_cover_idx ON covers (tenant_id, cover_id, ends_at);

-- Who answers a clinic's calls, and when, by the clinic's own clock: on some days of the week, or every day, between two
-- days (none is the last where it goes on), from one minute of the day until another.
CREATE TABLE pool_duties (
    clinic_id UUID NOT NULL,
    member_id UUID NOT NULL,
    first_on DATE NOT NULL,
    last_on DATE,
    weekdays SMALLINT[],
    from_minute SMALLINT NOT NULL,
    until_minute SMALLINT NOT NULL,
    recorded_by UUID,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by UUID,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT pool_duties_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT pool_duties_tenant_id_clinic_id_fkey FOREIGN KEY(tenant_id, clinic_id) REFERENCES clinics (tenant_id, id),
    CONSTRAINT pool_duties_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT pool_duties_tenant_id_recorded_by_fkey
        FOREIGN KEY(tenant_id, recorded_by) REFERENCES members (tenant_id, id),
    CONSTRAINT pool_duties_tenant_id_ended_by_fkey FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id),
    CONSTRAINT pool_duties_forward_check CHECK (last_on >= first_on),
    CONSTRAINT pool_duties_hours_check CHECK (from_minute >= 0 AND until_minute > from_minute AND until_minute <= 1440),
    CONSTRAINT pool_duties_weekdays_check
        CHECK (weekdays <@ '{1,2,3,4,5,6,7}'::smallint[] AND cardinality(weekdays) BETWEEN 1 AND 7)
);
CREATE INDEX pool_duties_member_idx ON pool_duties (tenant_id, member_id) WHERE ended_at IS NULL;

-- Whether a duty holds at a moment; the days are ISO's, Monday is 1.
CREATE FUNCTION ctx.holds(duty public.pool_duties, zone text, moment timestamptz) RETURNS boolean
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT (duty.ended_at IS NULL OR duty.ended_at > moment) AND duty.recorded_at <= moment
        AND h.day >= duty.first_on AND (duty.last_on IS NULL OR h.day <= duty.last_on)
        AND (duty.weekdays IS NULL OR extract(isodow FROM h.day)::smallint = ANY (duty.weekdays))
        AND h.minute >= duty.from_minute AND h.minute < duty.until_minute
    FROM (SELECT moment AT TIME ZONE zone AS local OFFSET 0) AS l,
        LATERAL (SELECT l.local::date AS day,
            extract(hour FROM l.local)::integer * 60 + extract(minute FROM l.local)::integer AS minute) AS h;
END;

-- The clinics for whose calls the member is on duty now; NULL for none. A clinic has too many patients to stand in an array
-- that is searched from its beginning for each row: policies ask where the patient belongs instead.
CREATE FUNCTION ctx.duty() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    WITH me AS MATERIALIZED (SELECT c.tenant, c.member FROM ctx.claims AS c)
    -- Side by side, so that nothing is asked for nobody.
    SELECT array_agg(on_duty.clinic_id) FROM me
    CROSS JOIN LATERAL (
        SELECT d.clinic_id FROM public.pool_duties AS d
        JOIN public.clinics AS c ON c.tenant_id = d.tenant_id AND c.id = d.clinic_id
        WHERE d.tenant_id = me.tenant AND d.member_id = me.member AND d.ended_at IS NULL
            AND ctx.holds(d, c.time_zone, statement_timestamp())
        OFFSET 0
    ) AS on_duty;
END;
GRANT EXECUTE ON FUNCTION ctx.duty() TO caretide_app, caretide_worker, caretide_gateway;

-- Emergency access ("break-glass"): a member with a roster opens one patient's record that is on no roster of theirs, for an
-- hour at most, with a reason; somebody else reviews it.
CREATE TABLE glass_openings (
    patient_id UUID NOT NULL,
    used_by UUID NOT NULL,
    category TEXT NOT NULL,
    reason BYTEA NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by UUID,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT glass_openings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT glass_openings_tenant_id_id_used_by_key UNIQUE (tenant_id, id, used_by),
    CONSTRAINT glass_openings_tenant_id_patient_id_fkey
        FOREIGN KEY(tenant_id, patient_id) REFERENCES patients (tenant_id, id),
    CONSTRAINT glass_openings_tenant_id_used_by_fkey FOREIGN KEY(tenant_id, used_by) REFERENCES members (tenant_id, id),
    CONSTRAINT glass_openings_tenant_id_ended_by_fkey FOREIGN KEY(tenant_id, ended_by) REFERENCES members (tenant_id, id),
    CONSTRAINT glass_openings_category_check CHECK (category IN ('urgent', 'call', 'unreachable', 'safety')),
    CONSTRAINT glass_openings_hour_check CHECK (until > opened_at AND until <= opened_at + interval '60 minutes'),
    CONSTRAINT glass_openings_ended_check CHECK (ended_at >= opened_at AND ended_at <= until)
);
CREATE INDEX glass_openings_used_by_idx ON glass_openings (tenant_id, used_by, until);

-- The review is a row that carries who used it, so that a CHECK can refuse one's own. Inserted once.
CREATE TABLE glass_reviews (
    opening_id UUID NOT NULL,
    used_by UUID NOT NULL,
    reviewed_by UUID NOT NULL,
    verdict TEXT NOT NULL,
    note BYTEA,
    reviewed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tenant_id UUID DEFAULT ctx.tenant() NOT NULL,
    id UUID NOT NULL,
    CONSTRAINT glass_reviews_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT glass_reviews_tenant_id_opening_id_key UNIQUE (tenant_id, opening_id),
    CONSTRAINT glass_reviews_tenant_id_opening_id_used_by_fkey
        FOREIGN KEY(tenant_id, opening_id, used_by) REFERENCES glass_openings (tenant_id, id, used_by),
    CONSTRAINT glass_reviews_tenant_id_reviewed_by_fkey
        FOREIGN KEY(tenant_id, reviewed_by) REFERENCES members (tenant_id, id),
    CONSTRAINT glass_reviews_another_check CHECK (reviewed_by <> used_by),
    CONSTRAINT glass_reviews_verdict_check CHECK (verdict IN ('appropriate', 'not_appropriate')),
    CONSTRAINT glass_reviews_note_check CHECK (verdict = 'appropriate' OR note IS NOT NULL)
);

-- Whether the tenant named the acting member beforehand, and they are at work.
CREATE FUNCTION ctx.may_break_glass() RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    WITH me AS MATERIALIZED (SELECT c.tenant, c.member FROM ctx.claims AS c WHERE c.walled)
    SELECT EXISTS (
        SELECT FROM me
        JOIN public.members AS m ON m.tenant_id = me.tenant AND m.id = me.member AND m.status = 'active'
        CROSS JOIN LATERAL (
            SELECT s.value FROM public.tenant_settings AS s
            WHERE s.tenant_id = me.tenant AND s.name = 'glass_members'
            ORDER BY s.recorded_at DESC, s.id DESC LIMIT 1
        ) AS named
        WHERE named.value ? me.member::text
    );
END;
GRANT EXECUTE ON FUNCTION ctx.may_break_glass() TO caretide_app, caretide_worker;

-- Who somebody is that is on no roster of the member's: by id, by record number, or by family name and birth date, all of it
-- as it stands. A few columns, a few people, for those alone who may break the glass. The wall is lifted for this question
-- and stands again before its answer is given; an error undoes the lifting with everything else.
CREATE FUNCTION ctx.find_beyond(sought uuid, number text, surname text, born date)
RETURNS TABLE (patient uuid, given text, family text, birth_date date, mrn text, clinic text, zone text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    said text := current_setting('app.ctx', true);
    bound record;
BEGIN
    IF NOT ctx.may_break_glass() THEN
        RAISE EXCEPTION 'Emergency access is for those whom the tenant named' USING errcode = '42501';
    END IF;
    SELECT c.tenant, c.member INTO bound FROM ctx.claims AS c;
    PERFORM ctx.enter(bound.tenant, bound.member, false);
    RETURN QUERY
        SELECT p.id, p.given, p.family, p.birth_date, p.mrn, c.name, c.time_zone
        FROM public.patients AS p JOIN public.clinics AS c ON c.tenant_id = p.tenant_id AND c.id = p.clinic_id
        WHERE p.tenant_id = bound.tenant
            AND (p.id = sought OR p.mrn = number OR (p.birth_date = born AND lower(p.family) = lower(surname)))
        ORDER BY p.family, p.given, p.id LIMIT 10;
    PERFORM set_config('app.ctx', said, true);
END $$;
GRANT EXECUTE ON FUNCTION ctx.find_beyond(uuid, text, text, date) TO caretide_app;

-- The one way to open: who, from when and until when stand in no argument. Three at once, and each patient once.
CREATE FUNCTION ctx.break_glass(opening uuid, sought uuid, category text, reason bytea) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    bound record;
    moment timestamptz := statement_timestamp();
    standing uuid[];
BEGIN
    IF NOT ctx.may_break_glass() THEN
        RAISE EXCEPTION 'Emergency access is for those whom the tenant named' USING errcode = '42501';
    END IF;
    SELECT c.tenant, c.member INTO bound FROM ctx.claims AS c;
    PERFORM pg_advisory_xact_lock(hashtextextended('glass ' || bound.member, 0));
    standing := array(
        SELECT g.patient_id FROM public.glass_openings AS g
        WHERE g.tenant_id = bound.tenant AND g.used_by = bound.member AND g.until > moment AND g.ended_at IS NULL
    );
    IF sought = ANY (standing) THEN
        RAISE EXCEPTION 'Your emergency access to this patient is open already';
    END IF;
    IF cardinality(standing) >= 3 THEN
        RAISE EXCEPTION 'You have emergency access to three patients; end one of them first';
    END IF;
    INSERT INTO public.glass_openings (tenant_id, id, patient_id, used_by, category, reason, opened_at, until)
    VALUES (bound.tenant, opening, sought, bound.member, category, reason, moment, moment + interval '60 minutes');
    RETURN moment + interval '60 minutes';
END $$;
GRANT EXECUTE ON FUNCTION ctx.break_glass(uuid, uuid, text, bytea) TO caretide_app;

-- The one way to end before the hour is over: one's own, or anybody's for those who see every patient.
CREATE FUNCTION ctx.end_glass(opening uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    bound record;
BEGIN
    SELECT c.tenant, c.member, c.walled INTO bound FROM ctx.claims AS c;
    UPDATE public.glass_openings AS g SET ended_at = statement_timestamp(), ended_by = bound.member
    WHERE g.tenant_id = bound.tenant AND g.id = opening AND g.ended_at IS NULL AND g.until > statement_timestamp()
        AND (g.used_by = bound.member OR NOT bound.walled);
    RETURN FOUND;
END $$;
GRANT EXECUTE ON FUNCTION ctx.end_glass(uuid) TO caretide_app, caretide_worker;

CREATE OR REPLACE FUNCTION ctx.roster() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    WITH me AS MATERIALIZED (SELECT c.tenant, c.member FROM ctx.claims AS c),
    -- Whose roster: one's own, and those that one works now.
    whose AS (
        SELECT me.tenant, me.member FROM me
        UNION ALL
        SELECT me.tenant, covered.absent_id FROM me
        CROSS JOIN LATERAL (
            SELECT v.absent_id FROM public.covers AS v
            WHERE v.tenant_id = me.tenant AND v.cover_id = me.member
                AND v.starts_at <= statement_timestamp() AND v.ends_at > statement_timestamp()
                AND (v.ended_at IS NULL OR v.ended_at > statement_timestamp())
            OFFSET 0
        ) AS covered
    )
    -- Side by side, so that nothing is asked for nobody, and each by its index.
    SELECT array(
        SELECT designated.patient_id FROM whose
        CROSS JOIN LATERAL (
            SELECT d.patient_id FROM public.designations AS d
            WHERE d.tenant_id = whose.tenant AND d.member_id = whose.member AND d.valid_from <= statement_timestamp()
                AND (d.valid_to IS NULL OR d.valid_to > statement_timestamp())
            OFFSET 0
        ) AS designated
        UNION ALL
        -- The hour is counted twice, so that no row that says otherwise opens anything for longer.
        SELECT opened.patient_id FROM me
        CROSS JOIN LATERAL (
            SELECT g.patient_id FROM public.glass_openings AS g
            WHERE g.tenant_id = me.tenant AND g.used_by = me.member AND g.ended_at IS NULL
                AND g.until > statement_timestamp() AND g.opened_at > statement_timestamp() - interval '60 minutes'
            OFFSET 0
        ) AS opened
    );
END;

-- Whether the member answered for a patient within a day before a moment, by cover, duty or emergency access, though perhaps
-- not any more: so that the time of a timer that ran meanwhile can be recorded, also what lies beyond a midnight at which it is
-- split. Where the patient belongs is read with the wall lifted, for that answer alone.
CREATE FUNCTION ctx.answered(patient uuid, moment timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    said text := current_setting('app.ctx', true);
    since timestamptz := moment - interval '24 hours';
    me record;
    place record;
BEGIN
    SELECT c.tenant, c.member INTO me FROM ctx.claims AS c WHERE c.member IS NOT NULL;
    -- Between two infinite days there is no last one.
    IF NOT FOUND OR NOT isfinite(moment) THEN
        RETURN false;
    END IF;
    IF EXISTS (
        SELECT FROM public.covers AS v
        JOIN public.designations AS d ON d.tenant_id = v.tenant_id AND d.member_id = v.absent_id
            AND d.valid_from <= moment AND (d.valid_to IS NULL OR d.valid_to > since)
        WHERE v.tenant_id = me.tenant AND v.cover_id = me.member AND d.patient_id = patient
            AND v.starts_at <= moment AND coalesce(v.ended_at, v.ends_at) > greatest(since, v.starts_at)
    ) OR EXISTS (
        SELECT FROM public.glass_openings AS g
        WHERE g.tenant_id = me.tenant AND g.used_by = me.member AND g.patient_id = patient
            AND g.opened_at <= moment AND coalesce(g.ended_at, g.until) > since
    ) THEN
        RETURN true;
    END IF;
    PERFORM ctx.enter(me.tenant, me.member, false);
    SELECT p.clinic_id, c.time_zone, (moment AT TIME ZONE c.time_zone)::date AS today INTO place
    FROM public.patients AS p JOIN public.clinics AS c ON c.tenant_id = p.tenant_id AND c.id = p.clinic_id
    WHERE p.tenant_id = me.tenant AND p.id = patient;
    PERFORM set_config('app.ctx', said, true);
    RETURN EXISTS (
        SELECT FROM public.pool_duties AS d
        CROSS JOIN generate_series(place.today - 1, place.today, interval '1 day') AS day
        WHERE d.tenant_id = me.tenant AND d.member_id = me.member AND d.clinic_id = place.clinic_id
            AND day::date >= d.first_on AND (d.last_on IS NULL OR day::date <= d.last_on)
            AND (d.weekdays IS NULL OR extract(isodow FROM day)::smallint = ANY (d.weekdays))
            AND greatest((day::timestamp + make_interval(mins => d.from_minute)) AT TIME ZONE place.time_zone, d.recorded_at)
                <= moment
            AND least((day::timestamp + make_interval(mins => d.until_minute)) AT TIME ZONE place.time_zone, d.ended_at)
                > since
    );
END $$;
GRANT EXECUTE ON FUNCTION ctx.answered(uuid, timestamptz) TO caretide_app, caretide_worker;

-- Time is recorded after the fact, too: for patients who were the member's when it began.
ALTER POLICY roster ON public.time_log_entries WITH CHECK (
    (SELECT ctx.sees_all())
    OR (
        coordinator_id = (SELECT ctx.member())
        AND (
            EXISTS (
                SELECT FROM public.designations AS d
                WHERE d.tenant_id = time_log_entries.tenant_id AND d.patient_id = time_log_entries.patient_id
                  AND d.member_id = time_log_entries.coordinator_id AND d.valid_from <= time_log_entries.start_time
            )
            OR ctx.answered(time_log_entries.patient_id, time_log_entries.start_time)
        )
    )
);
