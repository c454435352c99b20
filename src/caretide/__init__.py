"""Caretide: runs a care-management month for many health systems at once."""
