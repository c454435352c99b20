"""Bulk files on disk: folders of NDJSON (plain or gzip) and Bundles, as exports and samples come."""
