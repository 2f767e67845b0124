"""verdict.py OUT: whether loss fell, margin rose, and the files read back. Exit 1 if not."""

import json
import sys
from pathlib import Path

from gguf import GGUFReader


def ends(path: Path, key: str) -> tuple[float, float]:
    """The mean of the first and of the last quarter of what was logged as `key`."""
    values = [float(entry[key]) for entry in json.loads(path.read_text(encoding="utf-8"))["history"] if key in entry]
    part = max(1, len(values) // 4)
    return sum(values[:part]) / part, sum(values[-part:]) / part


out = Path(sys.argv[1])
told = [
    ("SFT loss", *ends(out / "sft" / "history.json", "loss")),
    ("ORPO loss", *ends(out / "orpo" / "history.json", "loss")),
    ("ORPO margin", *ends(out / "orpo" / "history.json", "rewards/margins")),
]
good = [last > first if "margin" in name else last < first for name, first, last in told]
for (name, first, last), right in zip(told, good, strict=True):
    sys.stdout.write(f"{'ok' if right else 'NO'}  {name}: {first:.4f} to {last:.4f}\n")
files = sorted((out / "served").glob("*.gguf"))
for path in files:
    sys.stdout.write(f"ok  {path.name}: {len(GGUFReader(path).tensors)} tensors read back\n")
sys.exit(0 if all(good) and len(files) == 2 else 1)
