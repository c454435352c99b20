-- The second wall's question: which patients may this member see now? Only tables without a wall of their own may be
-- read here, or the policy would ask itself.
CREATE FUNCTION ctx.roster() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
    SELECT array(
        SELECT d.patient_id FROM public.designations AS d
        WHERE d.tenant_id = ctx.tenant() AND d.member_id = ctx.member()
          AND d.valid_from <= statement_timestamp()
          AND (d.valid_to IS NULL OR d.valid_to > statement_timestamp())
    );
END;
-- Behind no roster wall, so that the wall can ask it: but nobody who is walled in may move the wall.
CREATE POLICY designate_insert ON public.designations AS RESTRICTIVE FOR INSERT TO PUBLIC
    WITH CHECK ((SELECT ctx.sees_all()));
CREATE POLICY designate_update ON public.designations AS RESTRICTIVE FOR UPDATE TO PUBLIC
    USING (true) WITH CHECK ((SELECT ctx.sees_all()));
GRANT EXECUTE ON FUNCTION ctx.roster() TO caretide_app, caretide_worker, caretide_gateway;
