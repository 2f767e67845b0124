"""What our container does with its volume before the server starts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from psylite_pipeline.settings import Settings


def test_the_index_of_the_image_goes_into_the_volume_but_never_over_that_of_imported_snippets(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("start", Path(__file__).parent.parent / "docker" / "start.py")
    assert spec is not None and spec.loader is not None
    start = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(start)
    monkeypatch.setattr(start, "BUILT", tmp_path / "built")
    shipped = tmp_path / "built" / "index" / "e.vectors"
    shipped.parent.mkdir(parents=True)
    shipped.write_text("shipped")
    settings = Settings.load(data_dir=tmp_path / "data")
    kept = settings.index_dir / "e.vectors"
    start.prepare(settings)
    assert kept.read_text() == "shipped"
    shipped.write_text("of the next version")
    start.prepare(settings)
    assert kept.read_text() == "of the next version"
    settings.own_snippets_dir.mkdir()
    (settings.own_snippets_dir / "mine.toml").write_text("")  # `psylite index --add` was here: hours, for many
    kept.write_text("with mine")
    start.prepare(settings)
    assert kept.read_text() == "with mine"
