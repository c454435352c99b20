"""From facts to a PDF.

`record` is the entrance, `view` words the facts (with `words` for dates and durations), `text` keeps to what the fonts
can show, `engine` runs Typst.
"""
