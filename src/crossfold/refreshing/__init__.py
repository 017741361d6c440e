"""What crossfold does around a refresh: it follows sources, promotes models, tells of drift."""
