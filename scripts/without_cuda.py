"""without_cuda.py LOCK TARGET: a lock without PyTorch, Triton and NVIDIA's packages, where the CPU build is there."""

import re
import sys
from pathlib import Path

kept: list[str] = []
skipping = False
for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines(keepends=True):
    if re.match(r"[A-Za-z0-9]", line):
        skipping = bool(re.match(r"(torch|triton|nvidia-[\w-]+|cuda-[\w-]+)==", line))
    if not skipping:
        kept.append(line)
Path(sys.argv[2]).write_text("".join(kept), encoding="utf-8")
