"""Coverage-guided fuzzing. Each module is a command: `python -m fuzz.NAME -max_total_time=60` (`make fuzz`)."""
