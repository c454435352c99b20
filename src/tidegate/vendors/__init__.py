"""Where resources come from: one folder per kind of source, each with its quirks."""
