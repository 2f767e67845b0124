"""Processes the stack starts: each in a group of its own, with a log and a record by which it can be stopped later."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from psylite_pipeline.errors import StackError
from psylite_pipeline.files import write_whole
from psylite_pipeline.stack.layout import Layout

#: Seconds a process has to end after SIGTERM before it is killed.
PATIENCE = 8.0


@dataclass(slots=True)
class Child:
    """A process that was started here. `log` holds what it wrote."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    record: Path

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.process.poll() is not None

    def last_words(self, lines: int = 6) -> str:
        """The end of its log, for a message about its death."""
        return last_lines(self.log, lines)

    def stop(self, patience: float = PATIENCE) -> None:
        """End it and all it started; returns when that is so. Never raises."""
        stop_all([self], patience)


def last_lines(log: Path, lines: int = 6) -> str:
    """The end of a log without its empty lines; empty when it cannot be read."""
    try:
        with log.open(encoding="utf-8", errors="replace") as text:
            return "\n".join(line.strip() for line in deque(filter(str.strip, text), lines))
    except OSError:
        return ""


def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], layout: Layout, cwd: Path | None = None
) -> Child:
    """Start `command` in a process group of its own, output to `logs/NAME.log`; the log of the run before is kept as
    `NAME.log.1`. Raises StackError when it cannot."""
    log, record = layout.logs / f"{name}.log", layout.run / f"{name}.json"
    try:
        with contextlib.suppress(FileNotFoundError):
            log.replace(log.with_name(f"{name}.log.1"))  # it tells why that run ended
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd=cwd or layout.root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise StackError(f"{command[0]} cannot be started: {error.strerror}.") from None
    child = Child(name, process, log, record)
    try:
        remember(record, process.pid)
    except OSError as error:  # without a record nobody could stop it later
        child.stop()
        raise StackError(f"{record} cannot be written: {error.strerror}. Make room or correct the folder.") from None
    return child


def stop_all(children: Sequence[Child], patience: float = PATIENCE) -> None:
    """End the children and all they started, in one go; kill what is not gone after `patience` seconds."""
    for child in children:
        _signal_group(child.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    left = list(children)
    while left:
        left = [child for child in left if not child.ended or _group_lives(child.process.pid)]
        if left and time.monotonic() > deadline:
            for child in left:
                _signal_group(child.process.pid, signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(5)
            break
        if left:
            time.sleep(0.05)
    for child in children:
        child.record.unlink(missing_ok=True)


def remember(record: Path, pid: int) -> None:
    """Write down who `pid` is now, so that a later process with the same number is never taken for it."""
    write_whole(record, json.dumps({"pid": pid, "born": born(pid)}).encode(), durable=False)


def recorded(record: Path) -> int | None:
    """The id of the process in `record`, if that very process still runs."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        pid, when = int(known["pid"]), str(known["born"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if when and born(pid) == when else None


def born(pid: int) -> str:
    """When the process `pid` began, as a text to compare; empty when there is none, or it is only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
    except (OSError, IndexError):
        return ""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]  # no /proc: macOS
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    return ""


def stop_recorded(record: Path, *, group: bool = True, patience: float = PATIENCE) -> bool:
    """End the process of a record, with all it started where it leads a `group`. False when it no longer ran."""
    pid = recorded(record)
    if pid is not None:
        _signal(pid, signal.SIGTERM, group)
        deadline = time.monotonic() + patience
        while recorded(record) is not None or (group and _group_lives(pid, zombies=False)):
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL, group)
                break
            time.sleep(0.05)
    record.unlink(missing_ok=True)
    return pid is not None


def _signal(pid: int, number: signal.Signals, group: bool) -> None:
    if group:
        _signal_group(pid, number)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _group_lives(leader: int, *, zombies: bool = True) -> bool:
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return zombies or bool(born(leader))
