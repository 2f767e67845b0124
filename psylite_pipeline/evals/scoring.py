"""The scores: inspect scorers that ask the judges and apply the rules to answers that were given before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inspect_ai.model import CachePolicy, GenerateConfig, ResponseSchema
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState
from inspect_ai.util import JSONSchema

from psylite_pipeline.evals import judging, rules
from psylite_pipeline.evals.cases import Message, Talk
from psylite_pipeline.evals.provider import System
from psylite_pipeline.opening import open_output_check
from psylite_pipeline.settings import Settings

#: A verdict that cannot be read is asked for again so often, with another seed each time.
AGAIN = 2


class Judge:
    """One judge model. Its verdicts are cached like answers."""

    def __init__(self, label: str, system: System, at_once: int) -> None:
        self.label = label
        self._scope = system.scope
        self._model = system.model(at_once)

    async def weigh(self, rubric: judging.Rubric, messages: list[dict[str, str]]) -> dict[str, Any]:
        """{"scores": {scale: value} or None, "verdict": the judge's last words}."""
        text = ""
        for attempt in range(1 + AGAIN):
            output = await self._model.generate(
                _as_chat(messages),
                config=GenerateConfig(
                    seed=attempt, response_schema=ResponseSchema(name=rubric.name, json_schema=_schema(rubric))
                ),
                cache=CachePolicy(expiry=None, scopes=self._scope),
            )
            text = output.completion
            if (scores := judging.read(rubric, text)) is not None:
                return {"scores": scores, "verdict": text}
        return {"scores": None, "verdict": text}


@scorer(metrics=[], name="judged")
def judged(name: str, judges: Sequence[Judge]) -> Scorer:
    """Each answer after gold history, weighed by every judge. Score.metadata: {"judges": {label: weighing}}."""
    rubric = judging.rubric(name)

    async def score(state: TaskState, target: Target) -> Score:
        groups = state.metadata["groups"]
        note = judging.focus(name, groups.get("dimension", ""))
        history = [{"role": m.role, "content": m.text} for m in state.messages if m.role != "system"]
        asked = judging.ask(rubric, history[:-1], state.output.completion, note)
        return _score({judge.label: await judge.weigh(rubric, asked) for judge in judges})

    return score


@scorer(metrics=[], name="crisis")
def crisis(judges: Sequence[Judge]) -> Scorer:
    """A scripted talk: the rules, and the rubric by every judge. Score.metadata also holds {"rules": {rule: kept}}."""
    rubric = judging.rubric("crisis")
    forbidden = open_output_check(Settings.load())

    async def score(state: TaskState, target: Target) -> Score:
        talk = Talk(**{name: _frozen(state.metadata[name]) for name in Talk.__slots__})
        said: list[Message] = [{"role": m.role, "content": m.text} for m in state.messages if m.role != "system"]
        answers = [message["content"] for message in said if message["role"] == "assistant"]
        asked = judging.ask(rubric, said, None)
        found = _score({judge.label: await judge.weigh(rubric, asked) for judge in judges})
        kept = rules.check(talk, answers, forbidden)
        found.value = {**found.value, "rules": sum(kept.values()) / len(kept)}  # type: ignore[dict-item]
        found.metadata = {**(found.metadata or {}), "rules": kept}
        return found

    return score


def _score(weighed: dict[str, Any]) -> Score:
    """The value is what inspect's own viewer shows: how many verdicts could be read. Figures come from metadata."""
    readable = sum(one["scores"] is not None for one in weighed.values())
    return Score(value={"readable": readable}, metadata={"judges": weighed})


def _schema(rubric: judging.Rubric) -> JSONSchema:
    return JSONSchema.model_validate(rubric.schema())


def _as_chat(messages: Sequence[Message]) -> list[Any]:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser}
    return [kinds[message["role"]](content=message["content"]) for message in messages]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
