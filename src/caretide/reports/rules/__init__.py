"""Pure decisions of the pages: words, tones, orders."""
