"""The images: a base made with debootstrap, ours built from the Dockerfile, and stand-ins for what cannot be had."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from psylite_pipeline.stack import install
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.teller import Teller
from stack_tests.engine import Engine, NoEngine, run

ROOT = Path(__file__).resolve().parent.parent
STANDINS = Path(__file__).with_name("standins")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Images:
    """The names the compose file is told."""

    python: str
    ollama: str
    webui: str
    pipelines: str = "psylite-pipeline:0.1.0"


def names(own_engine: bool) -> Images:
    """The compose file's own names, or others where they would replace somebody's real images."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found = {
        variable: match[1]
        for variable in ("PYTHON_IMAGE", "OLLAMA_IMAGE", "WEBUI_IMAGE")
        if (match := re.search(rf"\${{{variable}:-([^}}]+)}}", text))
    }
    if own_engine:
        return Images(found["PYTHON_IMAGE"], found["OLLAMA_IMAGE"], found["WEBUI_IMAGE"])
    return Images("psylite-test/python", "psylite-test/ollama", "psylite-test/open-webui")


def build(engine: Engine, folder: Path) -> Images:
    """Make whatever is missing; ours is built at every run. Raises NoEngine where a base cannot be made."""
    images = names(engine.own)
    if engine.docker("image", "inspect", images.python, check=False).returncode != 0:
        _import_base(engine, folder / "base", images.python)
    _build(engine, ROOT, ROOT / "Dockerfile", images.pipelines, images.python)
    context = folder / "ollama"
    context.mkdir(exist_ok=True)
    for file in (ROOT / "tests").glob("fake_ollama*.py"):
        shutil.copy(file, context)
    shutil.copy(STANDINS / "ollama.py", context)
    _build(engine, context, STANDINS / "ollama.Dockerfile", images.ollama, images.python)
    _build(engine, context, STANDINS / "webui.Dockerfile", images.webui, images.python)
    return images


def webui_environment(folder: Path) -> Path:
    """A virtual environment with Open WebUI: PSYLITE_TEST_WEBUI_VENV, or one made in `folder`."""
    given = os.environ.get("PSYLITE_TEST_WEBUI_VENV")
    if given:
        return Path(given)
    layout = Layout(folder)
    layout.make()
    install.ensure_webui(layout, Teller(Console(quiet=True)))
    return layout.webui_venv


def _import_base(engine: Engine, base: Path, name: str) -> None:
    """A small Debian of this machine's release, so that its Python is the one environments here are made with."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "stable")
    shutil.rmtree(base, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", release, base]
    done = run(command, dict(os.environ), check=False)
    if done.returncode != 0:
        raise NoEngine(f"debootstrap cannot make a base image: {done.stdout.strip().splitlines()[-1:]}")
    for pattern in ("var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        for path in base.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for compiled in base.glob("usr/lib/python3*/**/__pycache__"):  # Python's own images have none
        shutil.rmtree(compiled)
    shutil.copy(CERTIFICATES, base / CERTIFICATES.relative_to("/"))  # also those this machine's network asks for
    (base / "etc" / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n", encoding="utf-8")
    tar = subprocess.Popen(["tar", "-C", base, "-c", "."], stdout=subprocess.PIPE)
    engine.docker("import", "-", name, stdin=tar.stdout)
    assert tar.wait() == 0
    shutil.rmtree(base)


def _build(engine: Engine, context: Path, file: Path, name: str, base: str) -> None:
    engine.docker(
        "build", "--network", "host", "--build-arg", f"BASE={base}", "--file", file, "--tag", name, context,
        timeout=1500,
    )  # fmt: skip
