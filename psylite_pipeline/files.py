"""Files, written whole or not at all (beside, then renamed, so that a full disk or a kill leaves the old one), and read
with one sentence for what is wrong with them."""

from __future__ import annotations

import codecs
import json
import os
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import KnowledgeError

#: Seconds after which a half-written file is litter: its writer was killed. Writing one takes less than a second.
LITTER_SECONDS = 3600.0

#: The file that tells a folder which was made by us from somebody's that we were only pointed at.
MARK = ".psylite"


def own_folder(folder: Path) -> Path:
    """`folder`, made where it is missing. One that is new or empty is marked as ours, and ours only its owner may
    read. Raises OSError where it cannot be made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):  # a volume that is somebody else's may be written to all the same
        if not any(folder.iterdir()):
            (folder / MARK).touch()
        if is_own(folder):
            folder.chmod(0o700)
    return folder


def is_own(folder: Path) -> bool:
    """Whether we made it."""
    return (folder / MARK).is_file()


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` under `path`, readable for the owner alone. Raises OSError, and then `path` is as it was.

    `durable` waits until the disk has it, which takes seconds on a busy one; without, a power cut may lose the file.

    Each writer has a half-written file of its own, so that two of them, in two processes, cannot mix their bytes. What
    a killed writer left beside `path` an hour ago is removed.
    """
    _sweep(path)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())  # some file systems rename before they write
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    if durable:
        _sync(path.parent)  # the new name stands in the folder, not in the file


def mended_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. One that an editor saved in UTF-16 or with a mark at its beginning is written anew as
    plain UTF-8, for those who read nothing else. Raises OSError, and ValueError where there is no such object."""
    data = path.read_bytes()
    try:
        values = json.loads(data)  # of bytes it finds out the encoding
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError("no object")
    if b"\0" in data or data.startswith(codecs.BOM_UTF8):
        write_whole(path, json.dumps(values).encode())
    return values


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file of ours or of an admin's. A mark that an editor put at its beginning is no fault. Raises
    KnowledgeError naming file, what is wrong and the cure."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise KnowledgeError(f"{path}: cannot be read ({reason}); put the file back where it was.") from None
    except UnicodeDecodeError:
        raise KnowledgeError(f"{path}: is not UTF-8; save it as UTF-8.") from None
    except RecursionError:
        raise KnowledgeError(f"{path}: is nested too deeply. Correct the file.") from None
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{path}: is not valid TOML: {error}; correct that line.") from None


def json_lines(path: Path, error: type[Exception]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines with their line numbers. Raises `error` with a sentence naming file and
    line."""
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    found = json.loads(line)
                    if not isinstance(found, dict):
                        raise ValueError("no object")
                    yield number, found
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault.strerror}.") from None
    except (ValueError, RecursionError):
        raise error(f"{path.name}, line {number}: not a JSON object in UTF-8.") from None


def set_aside(path: Path) -> Path:
    """Rename what cannot be read, beside what was set aside before; returns its new path. Raises OSError."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    return path.replace(aside)


def _sync(folder: Path) -> None:
    with suppress(OSError):  # not every file system can, and the file is there
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sweep(path: Path) -> None:
    for litter in path.parent.glob(f"{path.name}.*.part"):
        with suppress(OSError):
            if abs(time.time() - litter.stat().st_mtime) > LITTER_SECONDS:
                litter.unlink()
