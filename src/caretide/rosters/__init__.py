"""Who may see whom: by designation, by cover for a colleague, on duty for a clinic's calls, in an emergency.

A patient has at most one designated member at a time. A cover lets somebody else work a member's whole roster for a
while; the designations stay. A pool is who is on duty for a clinic's calls; while on duty they see all its patients.
Emergency access ("break-glass") opens one patient's record for an hour to a member whom the tenant named beforehand;
somebody else reviews it. The second wall reads these tables: `ctx.duty()` the duties, `ctx.roster()` the rest. Owns
`designations`, `covers`, `pool_duties`, `glass_openings`, `glass_reviews`.
"""
