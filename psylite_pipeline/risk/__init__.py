"""Is somebody in danger: normalise, lexicon, classifier, judge, assess."""
