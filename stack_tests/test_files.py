"""Both compose files, read by Compose v2 and by docker-compose 1.29. Needs no engine; Compose v2 is fetched once."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_tests.images import ROOT
from stack_tests.programs import compose_v1, compose_v2

SECRETS = "PIPELINES_API_KEY=a\nWEBUI_SECRET_KEY=b\n"


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
