-- Time entered after the fact, approvals, and sums of time kept by triggers. Run as the owner.
SELECT 1;
