"""Tidegate: the EHR gateway, the only program that speaks to an EHR."""
