"""Designation: who may see whom. The second wall reads it through `ctx.roster()`. Owns `designations`."""
