"""Documents: facts in, a document out.

`schemas` says which facts a document shows; features above hand them down as rows. `render` turns them into a PDF, a
pure function of those facts: the same facts give the same bytes on every machine. A document is never edited, only
superseded.
"""
