"""verdict.py OUT: what `make train-demo` has shown, a line each. Exit 1 if one of them is NO."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from gguf import GGUFReader
from transformers import AutoTokenizer

from psylite_pipeline.finetune import check, export

TALK = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "最近总是睡不好"},
    {"role": "assistant", "content": "<think>\n先听。\n</think>\n\n睡不好多久了？"},
    {"role": "user", "content": "两周"},
]
"""A talk with a reasoned answer in it."""


def curve(stage: Path, key: str) -> tuple[float, float]:
    """The mean of the first and of the last quarter of what was logged as `key`."""
    history = json.loads((stage / "history.json").read_text(encoding="utf-8"))["history"]
    values = [float(entry[key]) for entry in history if key in entry]
    part = max(1, len(values) // 4)
    return sum(values[:part]) / part, sum(values[-part:]) / part


def tensors(model: Path) -> dict[str, bytes]:
    """Every tensor that llama.cpp makes of the folder `model`, by its name."""
    path = model / "whole.gguf"
    export.gguf(model, path)
    return {one.name: one.data.tobytes() for one in GGUFReader(path).tensors}


def verdicts(out: Path) -> Iterator[tuple[bool, str]]:
    """Whether each thing holds, and what was seen."""
    first, last = curve(out / "sft", "loss")
    yield last < first, f"SFT loss: {first:.4f} to {last:.4f}"
    first, last = curve(out / "orpo", "loss")
    yield last < first, f"ORPO loss: {first:.4f} to {last:.4f}"
    first, last = curve(out / "orpo", "rewards/margins")
    yield last > first, f"ORPO margin: {first:.4f} to {last:.4f}"
    hooked = (out / "sft" / "hook.txt").read_text(encoding="utf-8").split()
    # Begun anew, the second run would have come to checkpoint-20 again.
    yield hooked == ["checkpoint-20", "checkpoint-40"], f"stopped and gone on; the hook was told of {', '.join(hooked)}"
    drawn = [(out / stage / "curves.png").read_bytes() for stage in ("sft", "orpo")]
    yield (
        all(one.startswith(b"\x89PNG") for one in drawn),
        f"curves.png: {', '.join(f'{len(one)} bytes' for one in drawn)}",
    )
    files = sorted((out / "served").glob("*.gguf"))
    for path in files:
        yield True, f"{path.name}: {len(GGUFReader(path).tensors)} tensors read back"
    yield len(files) == 2, f"{len(files)} GGUF files"
    created = (out / "served" / "created.txt").read_text(encoding="utf-8").strip()
    yield created == "psylite from ./psylite-q4_k_m.gguf", f"ollama create: {created}"
    tokenizer = AutoTokenizer.from_pretrained(out / "merged")
    template = check.template_of(GGUFReader(files[-1]))
    learnt, served = (
        tokenizer.apply_chat_template(TALK, chat_template=one, tokenize=False) for one in (None, template)
    )
    yield (
        learnt == served and TALK[2]["content"] in served,
        "template of the file and of the training agree, <think> kept",
    )
    base, llama = (tensors(out / one) for one in ("base", "llama"))
    yield base == llama, f"as a Llama the base is the same: {len(base)} tensors compared"


found = list(verdicts(Path(sys.argv[1])))
for good, seen in found:
    sys.stdout.write(f"{'ok' if good else 'NO'}  {seen}\n")
sys.exit(0 if all(good for good, _ in found) else 1)
