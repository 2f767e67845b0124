"""Is somebody in danger: normalise, lexicon, classifier, judge; assess reads each turn, walk carries risk on."""
