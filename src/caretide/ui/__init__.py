"""The look: shell, components, styles, scripts, charts and the words of the screen. Owns no tables and asks nothing.

A page is a template of its feature that extends `layout.html`; what it shows comes as one frozen view model from the
feature's `schemas.py`. Styles and scripts are files (the content policy forbids inline ones); front-end packages are
fetched by `python -m caretide.ui.assets`.
"""
