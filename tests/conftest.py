"""Shared fixtures. Nothing here reaches a network beyond this machine, writes outside a test's own folder, or waits."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

#: What tests themselves read; everything else of ours in a person's environment would turn them.
_OF_TESTS = ("PSYLITE_TEST_", "PSYLITE_EVAL_", "PSYLITE_FOREIGN_TEXTS")
for _name in [*os.environ]:
    if _name == "OLLAMA_BASE_URL" or (_name.startswith("PSYLITE_") and not _name.startswith(_OF_TESTS)):
        del os.environ[_name]

#: One thread for numpy, as `psylite train` and the classifier take: more of them spin beside the other worker.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / "psylite-hypothesis"))

# The processes that tests start run what was just edited, too.
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parent)])


#: Of a line of a log: its time, level and module; the folders that a test made.
_HEAD = re.compile(r"^(?:\S+ \S+ )?(?:WARNING|ERROR)\s+\S+\s")
_FOLDERS = re.compile(r"/(?:[^\s/:]+/)+")


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may see or change a person's own data folder."""
    monkeypatch.setenv("PSYLITE_DATA_DIR", str(tmp_path / "psylite-data"))


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that the workers of one run share: the index takes some seconds to build, and a half-built one is
    never taken for whole."""
    return tmp_path_factory.getbasetemp().parent / "shared-data"


@pytest.fixture(scope="session")
def parts(shared_data: Path):
    """The real lexicon, classifier, encoder, snippets and texts, loaded once a worker."""
    from dialogue import Parts

    from psylite_pipeline.settings import Settings

    return Parts.load(Settings.load(data_dir=shared_data))


@pytest.fixture(scope="session")
def told() -> Callable[..., None]:
    """Notes what a person read and what the log said at a fault, for the table in docs/trust.md (`make faults`): in the
    file that FAULTS_FILE names, without it nowhere."""
    file = os.environ.get("FAULTS_FILE")

    def note(fault: str, reads: str, log: str = "") -> None:
        if file:
            lines = [_HEAD.sub("", line) for line in log.splitlines() if line]
            here = [_FOLDERS.sub("…/", line) for line in lines]
            line = json.dumps({"fault": fault, "reads": reads, "log": here}, ensure_ascii=False)
            with Path(file).open("a", encoding="utf-8") as notes:
                notes.write(line + "\n")

    return note


@pytest.fixture(scope="module")
def replies():
    """The real words said without a model."""
    from psylite_pipeline.replies import Replies

    return Replies.load(Path(__file__).parent.parent / "knowledge" / "replies")


@pytest.fixture
def snippets(tmp_path: Path) -> Path:
    """A folder of ten gentle snippets."""
    from scripted import snippet_folder

    return snippet_folder(tmp_path / "snippets")


@pytest.fixture
def ollama():
    """A strict Ollama: a call without a script fails the test."""
    from fake_ollama import FakeOllama

    with FakeOllama(models=("psylite",)) as server:
        yield server


@pytest.fixture
def chat(parts, ollama):
    """A fresh talk with the real parts and the scripted model."""
    from dialogue import Chat

    return Chat(parts.counsellor(ollama.url), ollama)


@pytest.fixture
def open_talk(tmp_path: Path):
    """Opens a talk over scripted parts, with the real words."""
    from scripted import Talk, scripted_counsellor

    def opened(model=None, preferences=None, **parts) -> Talk:
        return Talk(scripted_counsellor(tmp_path, model, **parts), preferences)

    return opened


@pytest.fixture
def knowledge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of knowledge that `psylite` reads in a test; see command.py."""
    from command import few_snippets

    return few_snippets(tmp_path, monkeypatch)
