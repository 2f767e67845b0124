"""Writes some entries of a lock file to standard output: `lock.py FILE only|without NAME...` (`nvidia-*` is many)."""

from __future__ import annotations

import re
import sys
from fnmatch import filter as matching
from pathlib import Path


def entries(text: str) -> list[tuple[str, str]]:
    """Each entry's package name and its lines."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        start = re.match(r"([A-Za-z0-9][\w.-]*)==", line)
        if start:
            found.append((start[1].lower(), line))
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def main() -> None:
    """Exit code 1 when a name is not in the file: a lock that changed must not go unnoticed."""
    path, mode, *names = sys.argv[1:]
    every = entries(Path(path).read_text(encoding="utf-8"))
    found = {pattern: set(matching({name for name, _ in every}, pattern)) for pattern in names}
    missing = [pattern for pattern in names if not found[pattern]]
    chosen = set[str]().union(*found.values())
    if missing or mode not in {"only", "without"}:
        sys.exit(f"{path} does not hold: {', '.join(sorted(missing))}")
    sys.stdout.writelines(lines for name, lines in every if (name in chosen) == (mode == "only"))


if __name__ == "__main__":
    main()
