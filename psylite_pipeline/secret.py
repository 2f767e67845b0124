"""Random secrets that never leave this machine: one a file, for its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from psylite_pipeline.errors import StackError


def secret(path: Path) -> str:
    """The random secret in `path`, made at the first call, readable by its owner alone.

    Raises StackError when the file cannot be read or made, is damaged or empty.
    """
    try:
        if not path.exists():
            beside = path.with_name(f"{path.name}.{os.getpid()}.part")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
            try:
                os.link(beside, path)  # unlike a rename, this never replaces what another start has just made
            except FileExistsError:
                pass
            finally:
                beside.unlink()
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
