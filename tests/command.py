"""The command `psylite` in this process, with few snippets and an encoder that needs no loading."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted import HashEncoder, shipped_lexicon, snippet_folder
from typer.testing import CliRunner

from psylite_pipeline import cli, opening
from psylite_pipeline.opening import open_lexicon
from psylite_pipeline.settings import Settings, bundled


def psylite(*words: str, given: bytes | str = b""):
    return CliRunner().invoke(cli.app, list(words), input=given)


def quick_lexicon(settings: Settings):
    """The shipped lexicon read once, any other as it stands."""
    shipped = (settings.knowledge_dir / "risk").resolve() == (bundled("knowledge") / "risk").resolve()
    return shipped_lexicon() if shipped else open_lexicon(settings)


def few_snippets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real knowledge with few snippets, and an encoder that needs no loading."""
    folder = tmp_path / "knowledge"
    folder.mkdir()
    for part in ("risk", "replies", "prompts"):
        (folder / part).symlink_to(bundled("knowledge") / part)
    snippet_folder(folder / "crosstalk")
    monkeypatch.setenv("PSYLITE_KNOWLEDGE_DIR", str(folder))
    monkeypatch.setattr(opening, "BundledEncoder", lambda: HashEncoder(512))
    monkeypatch.setattr(opening, "open_encoder", lambda setting: HashEncoder(512))
    monkeypatch.setattr(opening, "open_lexicon", quick_lexicon)
    monkeypatch.setattr(cli.console, "_width", 400)
    monkeypatch.setattr(cli.errors, "_width", 400)
    return folder
