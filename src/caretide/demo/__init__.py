"""A generated company and three months of its work, played through the real actions.

`houses` is the company as data and `company` founds it; `people` draws patients, `fhir` writes them as an EHR would;
`story` says what happens to whom, `schedule` lays the work into days; `month`, `desk` and `ending` turn both into
moments, which `moments` plays by a hand-set clock, and `relay` keeps in order what is one person's in two tenants.
`duties` says who works for whom, `emergencies` what asks for both factors just now.
`stage` does one after the other, `troupe` both tenants at once, `summary` adds up, and `performance` finds all of it
again the next time. The `bulk` modules make one large tenant instead. Owns no tables.

What goes wrong on purpose, so that screens prove themselves:

| fault | where | to be seen |
|---|---|---|
| a second timer tried | Joy and Ben, in the last full month | refused, and nothing recorded |
| a timer forgotten overnight | Daniel, last full month | a voided entry with its reason |
| a timer that still runs | Kasia, since the last working evening | her pages, the manager's team |
| no copy of the care plan | 3 % of the enrolled; half of them mended later | held; a copy given now does not cure it |
| nobody looked for others' claims | 3 % of the last month, an eighth of this one | held by an unknown fact |
| enrolled elsewhere | 1.5 % in the last month | another practice bills the same service |
| no coverage on record | every 170th patient | held |
| work told all at once | Kasia, last evening of the last month | fourteen entries that wait |
| notes that read alike | Daniel, last month | twelve of one wording |
| a license about to expire | Lucía, in 24 days | her page in Administration |
| a clinic that lacks a fact | Harrow Falls, since this month began | all its patients held |
| patients of nobody | five enrolled in each tenant, and some who are not | the manager's unassigned |
| an invitation not accepted | Noor, two days old | Administration |
| somebody on leave | Anneke, since the middle of the last month | an empty panel; others' have grown |
| a colleague away | Kasia for two days of the last month, Daniel since today | Cover; Joy's day has his patients |
| an emergency | Joy and Kasia, on the day of the founding | one is reviewed, one waits; Emergency access |
| one person for two | Helen may approve her own time at Lakeside, not any more at Cascadia | Waivers |
| somebody who has left | Tobias, in the last month | what ended with his access |
| a death | one in each tenant, this month | known from the EHR; the enrollment ended |
"""
