"""Measurements. Each module is a command: `python -m benchmarks.NAME`; it writes benchmarks/results/NAME.json."""
