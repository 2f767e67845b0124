"""Is somebody in danger: rules and classifier read a turn, verdict.py judges it, walk.py carries risk on."""
