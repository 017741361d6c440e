"""What reports are made of, for every study: style, words, tables, charts, the page."""
