"""Random secrets that never leave this machine: one a file, for its owner alone."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psylite_pipeline.errors import StackError
from psylite_pipeline.files import write_whole


def secret(path: Path) -> str:
    """The random secret in `path`, made at the first call, readable by its owner alone.

    Raises StackError when the file cannot be read or made, is damaged or empty.
    """
    try:
        if not path.exists():
            with _held(path.parent):
                if not path.exists():
                    write_whole(path, secrets.token_urlsafe(32).encode())
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
        found = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StackError(f"{path} cannot be used: {error.strerror}. Correct its permissions, or delete it.") from None
    except UnicodeError:
        raise StackError(f"{path} is damaged. Delete it; a new one is made at the next start.") from None
    if len(found) < 16:
        raise StackError(f"{path} holds no usable secret. Delete it; a new one is made at the next start.")
    return found


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """One start at a time in here: the second finds what the first has made."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network shares know no locks: then two first starts at once may disagree
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
