-- Lines and exceptions look their patient-month up by (tenant_id, id). While the planner takes the table to be empty (it
-- was when it was last counted: before the first close, or after one that was rolled back), every index that begins with
-- tenant_id promises one row, and of equals the planner takes the one made last, not the primary key: each line then
-- reads all months of the tenant, and a close takes quadratic time. A partial index is only weighed for a question
-- that names the column of its condition, which is true of every row.
ALTER TABLE patient_months DROP CONSTRAINT patient_months_tenant_id_patient_id_practitioner_id_ser_fba4;
CREATE UNIQUE INDEX patient_months_patient_idx ON patient_months (tenant_id, patient_id, practitioner_id, service_month)
    WHERE patient_id IS NOT NULL;
DROP INDEX patient_months_clinic_idx;
-- The month comes first: whole months are asked for, too.
CREATE INDEX patient_months_month_idx ON patient_months (tenant_id, service_month, clinic_id)
    WHERE service_month IS NOT NULL;
