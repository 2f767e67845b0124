"""A lock without PyTorch and what only its CUDA build needs, for an environment that has the CPU build already.

`python -m psylite_pipeline.stack.without_cuda LOCK TARGET` needs no package, so that an empty environment can run it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_ENTRY = re.compile(r"[A-Za-z0-9]")
_CUDA = re.compile(r"(torch|triton|nvidia-[\w-]+|cuda-[\w-]+)==")


def without_cuda(lock: str) -> str:
    """The lock without these entries, each with its hashes and comments."""
    kept, skipping = [], False
    for line in lock.splitlines(keepends=True):
        if _ENTRY.match(line):
            skipping = bool(_CUDA.match(line))
        if not skipping:
            kept.append(line)
    return "".join(kept)


if __name__ == "__main__":
    _, source, target = sys.argv
    Path(target).write_text(without_cuda(Path(source).read_text(encoding="utf-8")), encoding="utf-8")
