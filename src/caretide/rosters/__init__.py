"""Who may see whom: the designation of patients to the members who look after them.

A patient has at most one designated member at a time; the second wall (`ctx.roster()`) reads this table. Owns
`designations`.
"""
