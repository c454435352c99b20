"""What those who answer for a tenant look at: its health, its people, its team.

Owns no tables. `administration` is the tenant at a glance, `people` its members; every figure opens its list. What is
changed there is changed by the actions of the features below.
"""
