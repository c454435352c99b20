"""The audit as people read it: events, who saw a chart, what a stolen session saw, and whether it all holds.

Owns no table: the trail is the runtime's (`runtime/trail.py`). Reading it is an event like any other.
"""
