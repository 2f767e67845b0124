"""llama.cpp needs the OpenMP library, which its wheel expects from the system and a bare machine may not have.

faiss-cpu, which PsyLite installs anyway, carries a copy under another name. The loader looks for libraries where
LD_LIBRARY_PATH pointed when the process began, so the process begins again, with the same arguments and process id.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

NAME = "libgomp.so.1"
_FLAG = "PSYLITE_OPENMP"  # set in the second process, so that there is no third


def system_has_it() -> bool:
    """Whether the loader finds the library."""
    try:
        ctypes.CDLL(NAME)
    except OSError:
        return False
    return True


def begin_again() -> None:
    """Replace this process by itself, with the environment as it is now."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def lend_openmp(
    folder: Path,
    *,
    found: Callable[[], bool] = system_has_it,
    search: Iterable[str] | None = None,
    again: Callable[[], None] = begin_again,
) -> None:
    """If the system has no OpenMP library, link a packaged copy into `folder` and start over with it.

    Returns when there is nothing to do or no copy to lend; loading the model then says what is missing. `search` are
    the folders that packages are installed in (default: sys.path). Raises OSError when `folder` cannot be written.
    """
    if not sys.platform.startswith("linux") or _FLAG in os.environ or found():
        return
    copies = (copy for place in search or sys.path for copy in sorted(Path(place).glob("*.libs/libgomp*.so*")))
    copy = next(copies, None)
    if copy is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{NAME}.{os.getpid()}"
    beside.symlink_to(copy.resolve())
    beside.replace(folder / NAME)
    known = os.environ.get("LD_LIBRARY_PATH")
    os.environ["LD_LIBRARY_PATH"] = f"{folder.resolve()}:{known}" if known else str(folder.resolve())
    os.environ[_FLAG] = "lent"
    again()
