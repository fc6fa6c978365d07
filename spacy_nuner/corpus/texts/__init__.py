"""Web text -> the sentences that `spacy-nuner annotate` reads."""
