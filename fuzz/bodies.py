"""Any request body: it becomes a talk, is judged, and nothing around a plain statement of danger hides it."""

from __future__ import annotations

import json

import atheris

with atheris.instrument_imports(include=["psylite_pipeline.conversation", "psylite_pipeline.risk"]):
    from psylite_pipeline.conversation import Conversation
    from psylite_pipeline.decision import Risk
    from psylite_pipeline.opening import open_lexicon
    from psylite_pipeline.risk.assess import Assessor
    from psylite_pipeline.settings import Settings

from fuzz.target import run

ASSESSOR = Assessor(open_lexicon(Settings.load()), None)
DANGER = "\n。我不想活了。\n"


def check(data: atheris.FuzzedDataProvider) -> None:
    """One body of any JSON, then one talk with danger in its last turn."""
    try:
        body = json.loads(data.ConsumeUnicode(2_000))
    except (ValueError, RecursionError):
        body = {"messages": [{"role": data.ConsumeUnicode(10), "content": data.ConsumeUnicode(500)}]}
    ASSESSOR.assess(Conversation.from_body(body))
    before, after = data.ConsumeUnicode(200), data.ConsumeUnicode(200)
    turns = [{"role": "assistant", "content": before}, {"role": "user", "content": f"{before}{DANGER}{after}"}]
    found = ASSESSOR.assess(Conversation.from_body({"messages": turns}))
    if found.level < Risk.CONCERN:
        raise AssertionError("a plain statement of danger was lost")


if __name__ == "__main__":
    run(check)
