"""Words that every other package shares: who acts, what they may do, when, and how things go wrong.

Pure: nothing here reads a clock, a file or a database.
"""
