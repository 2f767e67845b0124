"""Whether a port is free, and who has it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

from psylite_pipeline.errors import StackError

_OURS = re.compile(rb"psylite_pipeline[./]stack[./]")


def demand_free(port: int, what: str, setting: str) -> None:
    """Raise StackError unless `what` can listen on `port` here: who has the port, and which setting changes it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            holder = owner(port)
            why = f"in use{f' by {holder}' if holder else ''}" if error.errno != 13 else "not allowed for this user"
            raise StackError(
                f"Port {port}, wanted for {what}, is {why}. Stop that program, or choose another port with {setting}."
            ) from None


def owner(port: int) -> str:
    """Name and id of the process that listens on `port`, as far as this user may see; empty when unknown."""
    try:
        return _from_proc(port) if Path("/proc/net/tcp").exists() else _from_lsof(port)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return ""


def _from_proc(port: int) -> str:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not Path(table).exists():
            continue
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rsplit(":", 1)[1], 16) == port and fields[3] == "0A":  # 0A: listening
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(descriptor.readlink()) in inodes for descriptor in (process / "fd").iterdir()):
                ours = _OURS.search((process / "cmdline").read_bytes())
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{'PsyLite with another data folder' if ours else name} (process {process.name})"
        except OSError:
            continue
    return ""


def _from_lsof(port: int) -> str:
    if not shutil.which("lsof"):
        return ""
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    fields = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.splitlines()
    found = {field[0]: field[1:] for field in reversed(fields)}
    return f"{found['c']} (process {found['p']})" if "p" in found and "c" in found else ""
