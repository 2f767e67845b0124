"""The answers: inspect tasks that ask each question once, or play a scripted talk, with every answer cached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import CachePolicy, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

from psylite_pipeline.evals.cases import Message, Question, Talk


def gold_task(name: str, questions: Sequence[Question], scope: Mapping[str, str], system: str = "") -> Task:
    """Every question after the gold history; one answer each. `system` is put before it, where given."""
    samples = [
        Sample(
            id=one.id,
            input=[*_system(system), *(_message(message) for message in one.messages)],
            metadata={"talk": one.talk, "number": one.number, "groups": dict(one.groups)},
        )
        for one in questions
    ]
    return Task(name=name, dataset=MemoryDataset(samples, name=name), solver=[generate(cache=_policy(scope))])


def talk_task(name: str, talks: Sequence[Talk], scope: Mapping[str, str], system: str = "") -> Task:
    """Every talk turn by turn; the model's own answers are the history."""
    samples = [
        Sample(id=one.id, input=[*_system(system), ChatMessageUser(content=one.turns[0])], metadata=asdict(one))
        for one in talks
    ]
    return Task(name=name, dataset=MemoryDataset(samples, name=name), solver=[scripted(dict(scope))])


@solver
def scripted(scope: dict[str, str]) -> Solver:
    """Says the talk's turns one after the other and keeps where each was sent (`routes`)."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        routes: list[str] = []
        for number, words in enumerate(state.metadata["turns"]):
            if number:
                state.messages.append(ChatMessageUser(content=words))
            state = await generate(state, cache=_policy(scope))
            routes.append((state.output.metadata or {}).get("route", ""))
        state.metadata["routes"] = routes
        return state

    return solve


def _policy(scope: Mapping[str, str]) -> CachePolicy:
    return CachePolicy(expiry=None, scopes=dict(scope))


def _system(text: str) -> list[ChatMessageSystem]:
    return [ChatMessageSystem(content=text)] if text else []


def _message(message: Message) -> ChatMessageUser | ChatMessageAssistant:
    return (ChatMessageUser if message["role"] == "user" else ChatMessageAssistant)(content=message["content"])
