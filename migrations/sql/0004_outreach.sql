-- Attempts to reach a patient. Run as the owner.
SELECT 1;
