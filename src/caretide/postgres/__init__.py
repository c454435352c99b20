"""The embedded PostgreSQL 18: found in a wheel, started under `home`, shared by processes, stopped by the last.

Words: the **account** is who the server runs as; the **door** is the lock that whoever starts or stops the server
holds; a **share** is the lock that a process holds while it needs the server; **kept** means that an operator started
the server and it stays when the last share ends. With an external database URL none of this runs: only its roles are
looked after.
"""
