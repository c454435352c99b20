-- A patient's enrollments, ended ones too: the index of open ones cannot answer for those, so every page of a patient
-- read the whole table. Partial, and its condition always true, for the reason that 0007 gives.
CREATE INDEX enrollments_patient_idx ON enrollments (tenant_id, patient_id) WHERE patient_id IS NOT NULL;
