"""`psylite index --add`: what an admin is told of their own scripts, whatever happens on the way."""

from __future__ import annotations

import pytest
from command import psylite
from own_scripts import TWO_BITS, WATER

from psylite_pipeline.settings import Settings


@pytest.mark.usefixtures("knowledge")
def test_index_add_reports_writes_and_builds(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "[a].txt").write_text(TWO_BITS, encoding="utf-8")
    dry = psylite("index", "--add", str(tmp_path / "mine"), "--dry-run")
    assert dry.exit_code == 0
    assert "[a].txt:1-6  kept: own-zh-" in dry.stdout
    assert "Nothing was written." in dry.stdout
    assert not Settings.load().index_dir.exists()
    done = psylite("index", "--add", str(tmp_path / "mine"))
    assert "1 file: 2 snippets kept, 1 script split, 1 refused" in done.stdout
    assert "12 zh snippets" in done.stdout
    assert "as it was" in psylite("index", "--add", str(tmp_path / "mine")).stdout
    assert "own-zh-" in psylite("search", WATER[0]).stdout


@pytest.mark.usefixtures("knowledge")
def test_an_empty_folder_is_told_what_is_read(tmp_path):
    (tmp_path / "mine").mkdir()
    done = psylite("index", "--add", str(tmp_path / "mine"), "--dry-run")
    assert "0 files" in done.stdout
    assert "it takes .txt, .md, .jsonl or .json files" in done.stdout


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("psylite_pipeline.opening.open_importer", "Nothing was written"),
        ("psylite_pipeline.humour.importer.read_source", "Nothing was written"),
        ("psylite_pipeline.humour.snippet_files.write_whole", "What is written is whole"),
    ],
)
def test_ctrl_c_says_whether_anything_was_written(tmp_path, monkeypatch, place, sentence):
    def interrupted(*_):
        raise KeyboardInterrupt

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text(TWO_BITS, encoding="utf-8")
    monkeypatch.setattr(place, interrupted)
    done = psylite("index", "--add", str(tmp_path / "mine"))
    assert done.exit_code == 130
    assert f"Stopped. {sentence}; run the same command again" in done.stderr


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_path_is_no_path(empty):
    done = psylite("index", "--add", empty, "--dry-run")
    assert done.exit_code == 2
    assert "is empty: name the folder" in done.stderr


@pytest.mark.usefixtures("knowledge")
def test_dry_run_alone_says_what_it_needs():
    done = psylite("index", "--dry-run")
    assert done.exit_code == 2
    assert "--add" in done.stderr
