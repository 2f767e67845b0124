"""Does a joke fit, and which one: fit, corpus, index."""
