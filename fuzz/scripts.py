"""An admin's own scripts: any bytes under any name end in snippets or in sentences, never in a crash."""

from __future__ import annotations

import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["psylite_pipeline.humour"]):
    from psylite_pipeline.humour.importer import Importer
    from psylite_pipeline.humour.themes import Themes
    from psylite_pipeline.humour.unfit import UnfitWords
    from psylite_pipeline.opening import open_lexicon
    from psylite_pipeline.settings import Settings

from fuzz.target import run

FOLDER = Path(tempfile.mkdtemp(prefix="psylite-fuzz-"))
SETTINGS = Settings.load(data_dir=FOLDER / "data")
KINDS = (".txt", ".md", ".jsonl", ".json", "", ".srt", ".doc")
IMPORTER = Importer(
    FOLDER / "made",
    rules=open_lexicon(SETTINGS),
    themes=Themes.load(SETTINGS.knowledge_dir / "crosstalk"),
    unfit=UnfitWords.load(SETTINGS.knowledge_dir / "risk" / "screening"),
    embedder=None,
)


def check(data: atheris.FuzzedDataProvider) -> None:
    """One file; half of them begin as a script does, so that more is reached than the refusal of its encoding."""
    path = FOLDER / f"scripts{KINDS[data.ConsumeIntInRange(0, len(KINDS) - 1)]}"
    encoding = ("utf-8", "gb18030", "utf-16")[data.ConsumeIntInRange(0, 2)]
    opening = "甲：今天灯怎么不亮？\n乙：它累了，想先睡。\n".encode(encoding) if data.ConsumeBool() else b""
    path.write_bytes(opening + data.ConsumeBytes(4_000))
    try:
        report = IMPORTER.add(path, dry_run=True)
        assert report.files == 1
        assert all(sentence.isprintable() for sentence in report.sentences())
    finally:
        path.unlink()


if __name__ == "__main__":
    run(check)
