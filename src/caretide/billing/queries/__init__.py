"""Questions about a month: what it rests on (`evidence`), how its close stands (`closes`), and its lists (`lists`)."""
