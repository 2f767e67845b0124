"""Open WebUI's own environment: made once from the lock, with PyTorch's CPU build where no NVIDIA GPU is."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from psylite_pipeline.errors import StackError
from psylite_pipeline.settings import bundled
from psylite_pipeline.stack import processes
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.teller import Teller, Update
from psylite_pipeline.stack.without_cuda import without_cuda

#: PyTorch publishes its CPU builds here, not on PyPI.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

#: Versions of Python that Open WebUI runs on.
PYTHONS = ((3, 12), (3, 11))

#: Bytes that must be free: 2.9 GB for the environment, the rest for what pip unpacks meanwhile.
ROOM = 5_000_000_000


def ensure_webui(layout: Layout, teller: Teller) -> None:
    """Make Open WebUI's environment where it is missing or made from an older lock; otherwise touch no network.

    Raises StackError when there is no Python for it, no room, or a package cannot be had.
    """
    locks = bundled("requirements")
    lock, torch_lock = locks / "webui.txt", locks / "torch-cpu.txt"
    stamp = layout.webui_venv / ".complete"
    wanted = hashlib.sha256(lock.read_bytes() + torch_lock.read_bytes()).hexdigest()
    python = layout.webui_venv / "bin" / "python"
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted and python.exists():
        return
    base = find_python()
    if shutil.disk_usage(layout.root).free < ROOM:
        raise StackError(
            f"Open WebUI needs 5 GB of free disk space at {layout.root}. Make room, set PSYLITE_DATA_DIR to a folder "
            "on another disk, or start without it: make up ARGS=--no-webui"
        )
    shutil.rmtree(layout.webui_venv, ignore_errors=True)
    with teller.working("Open WebUI: its environment") as update:
        _run([base, "-m", "venv", str(layout.webui_venv)], layout, "Open WebUI's environment could not be made")
        requirements = lock
        if wants_cpu_torch() and _install_cpu_torch(python, torch_lock, layout, update):
            requirements = layout.run / "webui-without-cuda.txt"
            requirements.write_text(without_cuda(lock.read_text(encoding="utf-8")), encoding="utf-8")
        elif wants_cpu_torch():
            teller.say("PyTorch's CPU build cannot be had here; the default build is fetched (4.5 GB more).")
        _install_lock(python, requirements, layout, update)
    (layout.run / "webui-without-cuda.txt").unlink(missing_ok=True)
    stamp.write_text(wanted, encoding="ascii")


def find_python() -> str:
    """A Python that Open WebUI runs on: this one, or another on the PATH. Raises StackError where there is none."""
    if sys.version_info[:2] in PYTHONS:
        return sys.executable
    for major, minor in PYTHONS:
        found = shutil.which(f"python{major}.{minor}")
        if found and _works(found):
            return found
    raise StackError(
        f"Open WebUI runs on Python 3.11 or 3.12, and this is {platform.python_version()}. Install python3.12 beside "
        "it, or start without Open WebUI and connect your own: make up ARGS=--no-webui"
    )


def wants_cpu_torch() -> bool:
    """Whether PyPI's PyTorch would bring a CUDA build that this machine cannot use."""
    return sys.platform == "linux" and not Path("/proc/driver/nvidia/version").exists()


def _install_cpu_torch(python: Path, lock: Path, layout: Layout, update: Update) -> bool:
    """Try where pip already looks, then PyTorch's own index, with little patience for a network without it."""
    common = ["install", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(lock)]
    places = ([], ["--index-url", TORCH_CPU_INDEX, "--timeout", "10", "--retries", "1"])
    for place in places:
        update(0, 0, "PyTorch (CPU)")
        child = processes.start("install-torch", _pip(python, [*common, *place]), _environment(), layout)
        if _finish(child):
            return True
    return False


def _install_lock(python: Path, lock: Path, layout: Layout, update: Update) -> None:
    command = _pip(python, ["install", "--no-deps", "--require-hashes", "-r", str(lock)])
    child = processes.start("install-webui", command, _environment(), layout)
    total = lock.read_text(encoding="utf-8").count("==")

    def look() -> None:
        text = child.log.read_text(encoding="utf-8", errors="replace")
        done = text.count("Collecting ")
        update(0, 0, "unpacking, a minute or two" if "Installing collected" in text else f"package {done} of {total}")

    if not _finish(child, look):
        raise StackError(
            f"Open WebUI could not be installed. The end of {child.log}:\n{child.last_words()}\n"
            "Start again to go on, or start without it: make up ARGS=--no-webui"
        )


def _finish(child: processes.Child, look: Callable[[], None] = lambda: None) -> bool:
    """Wait for `child`, stopping it when this process is told to stop. Whether it did its work."""
    try:
        while not child.ended:
            look()
            time.sleep(0.3)
        return child.process.returncode == 0
    finally:
        child.stop()


def _run(command: Sequence[str], layout: Layout, problem: str) -> None:
    child = processes.start("install-venv", command, _environment(), layout)
    if not _finish(child):
        raise StackError(f"{problem}. The end of {child.log}:\n{child.last_words()}")


def _pip(python: Path, arguments: Sequence[str]) -> list[str]:
    return [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments, "--progress-bar", "off"]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}


def _works(python: str) -> bool:
    """Whether this Python runs and has venv; a version manager's stand-in on the PATH may not."""
    try:
        command = [python, "-c", "import venv, ensurepip"]
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
