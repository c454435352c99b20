-- The month-to-date ruling of each patient-month, and what makes it stale. Run as the owner.
SELECT 1;
