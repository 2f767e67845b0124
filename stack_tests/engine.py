"""A Docker engine for the test: the one that answers, or one started here with a data folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


class NoEngine(Exception):
    """Why no engine can run here, in a sentence."""


class Engine:
    """`own` says that it was started here, so that image names may be taken; otherwise it is somebody's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own = False
        self.environment = dict(os.environ)
        self._daemon: subprocess.Popen[bytes] | None = None
        self._forwarded = ""

    def start(self) -> None:
        """Raises NoEngine."""
        for program in ("docker", "docker-compose", "debootstrap"):
            if not shutil.which(program):
                raise NoEngine(f"there is no {program} here (Debian: apt install docker.io docker-compose debootstrap)")
        if self.docker("version", check=False).returncode == 0:
            return
        if not shutil.which("dockerd") or os.geteuid() != 0:
            raise NoEngine("no Docker engine answers, and only root with dockerd installed can start one")
        self.own = True
        socket = self.folder / "docker.sock"
        self.environment["DOCKER_HOST"] = f"unix://{socket}"
        self._forwarded = FORWARD.read_text()
        with (self.folder / "dockerd.log").open("wb") as log:
            self._daemon = subprocess.Popen(
                [
                    "dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec",
                    "--pidfile", self.folder / "dockerd.pid", "-H", f"unix://{socket}", "--bridge", "none",
                ],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while self.docker("version", check=False).returncode != 0:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                self.stop()
                words = (self.folder / "dockerd.log").read_text(errors="replace").splitlines()[-3:]
                raise NoEngine("dockerd does not start here: " + " | ".join(words))
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop what was started here."""
        if self._daemon:
            self._daemon.terminate()
            try:
                self._daemon.wait(60)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
            FORWARD.write_text(self._forwarded)
            for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
                place = line.split()[1]
                if place.startswith(f"{self.folder}/"):  # it leaves its network namespaces mounted
                    subprocess.run(["umount", place], check=False)
            self._daemon = None

    def docker(self, *arguments: str | Path, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
        """Run `docker …`; its failure is an AssertionError that shows what it said."""
        return run(["docker", *arguments], self.environment, check=check, **options)


def run(
    command: Sequence[str | Path], environment: dict[str, str], *, check: bool = True, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run a command quietly; with `check` a failure is an AssertionError with the end of what it said."""
    done = subprocess.run(  # type: ignore[call-overload]
        [str(part) for part in command], env=environment, capture_output=True, text=True, errors="replace", **options
    )
    if check and done.returncode != 0:
        words = (done.stdout + done.stderr)[-3000:]
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{words}")
    return done
