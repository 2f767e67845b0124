"""Lines of `psylite decide`, valves, snippet files, streams: refused with a sentence, or read; never a crash."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["psylite_pipeline.jsonl", "psylite_pipeline.host", "psylite_pipeline.humour", "psylite_pipeline.thoughts"]
):
    from pydantic import ValidationError

    from psylite_pipeline.conversation import Conversation
    from psylite_pipeline.decision import Decision, Route
    from psylite_pipeline.host.parts import sendable
    from psylite_pipeline.host.valves import PipeValves
    from psylite_pipeline.humour.corpus import load_corpus
    from psylite_pipeline.jsonl import decide_lines
    from psylite_pipeline.pieces import Words
    from psylite_pipeline.settings import Preferences
    from psylite_pipeline.thoughts import split_thoughts

from fuzz.target import run

FOLDER = Path(tempfile.mkdtemp(prefix="psylite-fuzz-"))


class _Counsellor:
    """Judges nothing: the reading of lines is what is tested."""

    def decide(self, conversation: Conversation, preferences: Preferences) -> Decision:
        return Decision(Route.PLAIN)


def check(data: atheris.FuzzedDataProvider) -> None:
    """One line, one set of valves, one snippet file, one stream cut anywhere."""
    line = data.ConsumeUnicode(1_000)
    found = list(decide_lines([line], _Counsellor(), Preferences()))  # type: ignore[arg-type]
    assert len(found) == bool(line.strip())
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = {data.ConsumeUnicode(20): data.ConsumeUnicode(50)}
    if isinstance(values, dict):
        json.dumps(sendable(values), allow_nan=False, ensure_ascii=False).encode()
        with contextlib.suppress(ValidationError):
            json.dumps(PipeValves(**{str(key): value for key, value in values.items()}).model_dump(), allow_nan=False)
    (FOLDER / "one.toml").write_bytes(data.ConsumeBytes(500))
    load_corpus([FOLDER])
    text = data.ConsumeUnicode(300)
    cut = data.ConsumeIntInRange(0, len(text))
    for support in (False, True):
        pieces = split_thoughts(iter([Words(text[:cut]), Words(text[cut:])]), support=support)
        assert len("".join(piece.text for piece in pieces if isinstance(piece, Words))) <= len(text)


if __name__ == "__main__":
    run(check)
