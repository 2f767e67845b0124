"""What the Dockerfile does with its argument for another encoder, without Docker and without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
MODEL = "owner/some_model"

#: Writes down how it was called. What stands after the lock file's name are the packages named in it.
RECORD = """#!/bin/sh
echo "$(basename "$0") $*" >> "{folder}/calls"
for last; do :; done
case "$last" in *.txt) grep -oE '^[A-Za-z0-9._-]+==' "$last" >> "{folder}/installed";; esac
"""


def _steps(having: str) -> str:
    (run,) = (line[4:] for line in DOCKERFILE.splitlines() if line.startswith("RUN ") and having in line)
    return run


def _run(folder: Path, steps: str, model: str) -> tuple[str, set[str]]:
    """`steps` with the two places of the build below `folder`; what was called, and the packages installed."""
    for place in ("build/bin/pip", "opt/psylite/bin/python"):
        program = folder / place
        program.parent.mkdir(parents=True)
        program.write_text(RECORD.format(folder=folder))
        program.chmod(0o755)
    for place in ("/build/", "/opt/psylite/"):
        steps = steps.replace(f" {place}", f" {folder}{place}").replace(f'"{place}', f'"{folder}{place}')
    known = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin", "TORCH_INDEX": "https://torch.invalid"}
    subprocess.run(["/bin/sh", "-ec", steps], cwd=ROOT, env=known | {"SENTENCE_TRANSFORMERS": model}, check=True)
    calls, installed = folder / "calls", folder / "installed"
    return (
        calls.read_text().replace(str(folder), "") if calls.exists() else "",
        set(installed.read_text().replace("==", "").split()) if installed.exists() else set(),
    )


def test_a_model_is_fetched_into_a_folder_of_its_name_with_locked_packages_and_without_cuda(tmp_path):
    calls, installed = _run(tmp_path, _steps("torch-cpu.txt"), MODEL)
    torch, others, fetch = calls.splitlines()
    assert "--index-url https://torch.invalid" in torch
    assert all("--require-hashes" in line and "--no-deps" in line for line in (torch, others))
    assert {"torch", "sentence-transformers", "transformers", "tokenizers", "scikit-learn"} <= installed
    assert not {name for name in installed if re.match("nvidia|cuda|triton|gt-all", name)}
    assert fetch.endswith(f"{MODEL} /opt/psylite/built/encoder/{MODEL}")


def test_without_a_model_nothing_more_is_installed(tmp_path):
    assert _run(tmp_path, _steps("torch-cpu.txt"), "") == ("", set())


@pytest.mark.parametrize("model", ["", MODEL])
def test_index_server_and_commands_use_the_encoder_that_was_fetched(model):
    setting = re.compile(r'PSYLITE_ENCODER="?(\$\{[^}]+\}*)')
    build, served = setting.findall(DOCKERFILE)
    assert build == served
    said = subprocess.run(
        ["/bin/sh", "-c", f"echo {served}"], env={"SENTENCE_TRANSFORMERS": model}, capture_output=True, text=True
    )
    assert said.stdout.strip() == (f"/opt/psylite/built/encoder/{model}" if model else "")
    # An argument is known in the stages that name it.
    assert DOCKERFILE.split("\nFROM ")[2].count("ARG SENTENCE_TRANSFORMERS=") == 1


def test_pip_is_told_the_environment_before_the_command():
    """Elsewhere pip refuses it ("must be placed before the pip subcommand name"), and the build ends."""
    for call in re.findall(r"bin/pip ([^&;]+)", DOCKERFILE):
        assert "--python" not in call or call.startswith("--python "), call
