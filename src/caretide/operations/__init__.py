"""What an operator does with an installation: look it over, back it up, restore it, rotate keys, show evidence.

Words: a **finding** is something that the doctor would have changed; a **check** is one thing that it looks at. A
finding **blocks** when it lets somebody reach another tenant, or read outside this host: production does not start.
A **backup** is a folder of sealed parts with a manifest; a **drill** restores one into an empty home and compares.
"""
