"""Simulated people: what they say, and how an answer to one turn is read and timed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from benchmarks.servers import KEY

#: What is said in the load test: mostly plain, some cheerful, worried, in danger.
SAID = (
    "今天工作有点累，不知道怎么跟老板说",
    "最近总睡不好，半夜老是醒",
    "I had an argument with my flatmate about the dishes again",
    "今天发工资了，晚上吃火锅，开心哈哈哈",
    "室友总是很晚才睡，我有点烦",
    "I'm not sure whether I should change my job",
    "考试没考好，怕回家被说",
    "周末想去爬山，又怕下雨",
    "有时候真希望睡着了就不用再醒过来",
    "我不想活了",
)


@dataclass
class Answer:
    """One turn: seconds to the first words and to the end, its text, and what went wrong."""

    first: float = 0.0
    whole: float = 0.0
    text: str = ""
    first_text: str = ""
    error: str = ""

    @property
    def rate(self) -> float:
        """Characters a second after the first piece. Pieces may be joined on the way, so they are not counted."""
        return (len(self.text) - len(self.first_text)) / (self.whole - self.first)


@dataclass
class Person:
    """A talk of at most `keeps` messages; every turn is new, so that nothing is remembered from before."""

    number: int
    keeps: int = 10
    messages: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.number)
        self._turn = 0

    def say(self) -> list[dict[str, str]]:
        """The talk with a new turn at its end."""
        self._turn += 1
        text = self._dice.choice(SAID[:-1] if self._turn % 10 else SAID[-1:])
        self.messages.append({"role": "user", "content": f"{text}（{self.number}-{self._turn}）"})
        return self.messages[-self.keeps :]

    def hear(self, text: str) -> None:
        """The answer becomes part of the talk; after ten turns a new talk begins."""
        self.messages.append({"role": "assistant", "content": text[:400]})
        if self._turn % 10 == 0:
            self.messages.clear()


async def through_pipe(session: aiohttp.ClientSession, url: str, messages: list[dict[str, str]]) -> Answer:
    """One streamed turn through the Pipelines server."""
    body = {"model": "psylite", "messages": messages, "stream": True}
    headers = {"Authorization": f"Bearer {KEY}"}
    return await _read(session, f"{url}/v1/chat/completions", body, headers, _openai_words)


async def straight(session: aiohttp.ClientSession, url: str, messages: list[dict[str, str]]) -> Answer:
    """The same turn asked of Ollama itself."""
    body = {"model": "psylite", "messages": messages, "stream": True}
    return await _read(session, f"{url}/api/chat", body, {}, _ollama_words)


async def _read(session: aiohttp.ClientSession, url: str, body: dict, headers: dict, words) -> Answer:
    answer, started, texts = Answer(), time.perf_counter(), []
    try:
        async with session.post(url, json=body, headers=headers) as response:
            if response.status != 200:
                answer.error = f"status {response.status}"
            async for line in response.content:
                for text in words(line):
                    if not texts:
                        answer.first = time.perf_counter() - started
                    texts.append(text)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        answer.error = type(error).__name__
    answer.whole, answer.text, answer.first_text = time.perf_counter() - started, "".join(texts), "".join(texts[:1])
    answer.error = answer.error or ("" if texts else "no words")
    return answer


def _openai_words(line: bytes) -> Iterator[str]:
    if line.startswith(b"data: {"):
        for choice in json.loads(line[6:]).get("choices", []):
            if text := choice.get("delta", {}).get("content"):
                yield text


def _ollama_words(line: bytes) -> Iterator[str]:
    if line.startswith(b"{") and (text := json.loads(line).get("message", {}).get("content")):
        yield text
