"""verdict.py OUT: did loss fall, margin rise, is the base the same as a Llama, do files read back. Exit 1 if not."""

import json
import sys
from pathlib import Path

from gguf import GGUFReader

from psylite_pipeline.finetune import export


def ends(path: Path, key: str) -> tuple[float, float]:
    """The mean of the first and of the last quarter of what was logged as `key`."""
    values = [float(entry[key]) for entry in json.loads(path.read_text(encoding="utf-8"))["history"] if key in entry]
    part = max(1, len(values) // 4)
    return sum(values[:part]) / part, sum(values[-part:]) / part


def tensors(model: Path) -> dict[str, bytes]:
    """Every tensor that llama.cpp makes of the folder `model`, by its name."""
    path = model / "whole.gguf"
    export.gguf(model, path)
    return {one.name: one.data.tobytes() for one in GGUFReader(path).tensors}


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
base, llama = (tensors(out / one) for one in ("base", "llama"))
sys.stdout.write(f"{'ok' if base == llama else 'NO'}  as a Llama the base is the same: {len(base)} tensors compared\n")
sys.exit(0 if all(good) and base == llama and len(files) == 2 else 1)
