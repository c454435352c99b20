-- Companies, and what a member brings: languages, licenses, hours. Run as the owner.
SELECT 1;
