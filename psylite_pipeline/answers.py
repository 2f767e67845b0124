"""How each route is answered: fixed words for CRISIS and DECLINE, the model for the rest, true words if it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from psylite_pipeline import prompt
from psylite_pipeline.conversation import Conversation, folded, marker
from psylite_pipeline.decision import Decision, Risk, Route
from psylite_pipeline.errors import ModelCut, ModelError, ModelMissing, ModelTimeout
from psylite_pipeline.humour.corpus import Snippet, quoted
from psylite_pipeline.metrics import NO_METRICS, Metrics
from psylite_pipeline.model import (
    HEARTBEAT_SECONDS,
    ChatModel,
    Deadlines,
    Message,
)
from psylite_pipeline.output_check import FAILED, OutputCheck, Unfit
from psylite_pipeline.pieces import Chunk, Source, Status, Thought, Waiting, Words
from psylite_pipeline.prompt import Prompts
from psylite_pipeline.replies import Notice, Replies
from psylite_pipeline.risk.normalise import MAX_CHARS
from psylite_pipeline.risk.policy import Met
from psylite_pipeline.risk.talk import WINDOW
from psylite_pipeline.risk.walk import CALM_AFTER_CONCERN, CALM_AFTER_CRISIS
from psylite_pipeline.settings import Preferences
from psylite_pipeline.stream import closed, without_fences, without_thoughts
from psylite_pipeline.tasks import MOST_TASK_CHARS, as_people_read, neutral_result
from psylite_pipeline.thoughts import parted, split_thoughts
from psylite_pipeline.voice import Voice

log = logging.getLogger(__name__)

Piece = Words | Thought | Status | Source

#: How the model's answer came out: by itself, or with fixed words of ours in its place ("failed") or at its end.
Ending = Literal["whole", "failed", "cut", "held back"]


@dataclass(frozen=True, slots=True)
class Backend:
    """The model that answers where the valve names none, its window in tokens, and whether it is only a stand-in."""

    model: str
    num_ctx: int = 4096
    standin: bool = False


class Answers:
    """`replies` is None when its files are broken: then the last resort in the code speaks. `worst_of` gives the
    worst level among texts. `check` reads the model's words before the person does; None where its rules are broken:
    then no model answers under SUPPORT, nor for a background task. Keeps nothing."""

    def __init__(
        self,
        replies: Replies | None,
        prompts: Prompts,
        model: ChatModel,
        backend: Backend,
        worst_of: Callable[[Sequence[str]], Risk],
        check: OutputCheck | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._metrics = metrics
        self._worst_of = worst_of
        self._check = check
        self._replies = replies
        self._prompts = prompts
        self._model = model
        self._backend = backend

    @property
    def judge_prompt(self) -> str:
        """What a model is asked that judges a turn."""
        return self._prompts.judge

    def model_name(self, preferences: Preferences) -> str:
        """The model that answers under these preferences."""
        return preferences.model or self._backend.model

    def met_danger(self, conversation: Conversation) -> Met:
        """When fixed words of ours met danger; of several those after which care lasts longest. Of what the second
        judge said at an earlier turn this is all that is left to read."""
        if not self._replies:
            return Met()
        met: list[Met] = []
        for ago, text in enumerate(reversed(conversation.answered[-WINDOW:]), 1):
            if self._replies.crisis_spoke(text):
                met.append(Met(ago, CALM_AFTER_CRISIS))
            elif self._replies.concern_asked([text]):
                met.append(Met(ago, CALM_AFTER_CONCERN))
        return max(met, key=lambda one: one.lasts - one.since, default=Met())

    def crisis(self, conversation: Conversation, decision: Decision, preferences: Preferences) -> Iterator[Piece]:
        """The staged reply. No model."""
        yield Words(self._voice(conversation, preferences).crisis(decision))

    def decline(self, conversation: Conversation, decision: Decision, preferences: Preferences) -> Iterator[Piece]:
        """The warm refusal, with what belongs under an answer to whoever may be in danger beside it. No model."""
        voice = self._voice(conversation, preferences)
        care = voice.care_lines(decision) if decision.risk else []
        yield Words("\n\n".join((voice.decline(), *care)))

    def task(self, conversation: Conversation, decision: Decision, preferences: Preferences) -> Iterator[Piece]:
        """Background work: the host's own messages to the model; a neutral result where a rule spoke, of the talk or
        of what the model made of it."""
        title = self._voice(conversation, preferences).notice(Notice.TASK_TITLE)
        neutral = neutral_result(conversation.task or "", title)
        yield Words((not decision.rules and self._task_result(conversation, preferences)) or neutral)

    def _task_result(self, conversation: Conversation, preferences: Preferences) -> str:
        """What the model makes of a background task, once all of it has been looked at: follow-ups, titles and
        completions are shown word for word. "" where there is nothing to show."""
        if self._check is None:
            self._metrics.failed("output", FAILED)
            return ""
        text = ""
        try:
            for piece in self._stream(prompt.task_messages(conversation, self._backend.num_ctx), preferences):
                text += piece.text if isinstance(piece, Words) else ""
                if len(text) > MOST_TASK_CHARS:
                    self._metrics.failed("task", "TooLong")
                    return ""
            text, _ = parted(text)
            for _ in self._check.guard(iter((Words(as_people_read(text)),)), support=True, metrics=self._metrics):
                pass
        except Unfit as found:
            log.warning("A background task's result was held back (%s).", found.rule)
            self._metrics.failed("output", found.rule)
            return ""
        except ModelError as error:
            log.warning("A background task got no answer (%s).", type(error).__name__)
            self._metrics.failed("task", type(error).__name__)
            return ""
        return text

    def counsel(
        self, conversation: Conversation, decision: Decision, preferences: Preferences, snippet: Snippet | None
    ) -> Iterator[Piece]:
        """The model's answer, then what belongs under it: helpline, question, snippet, reminder."""
        voice = self._voice(conversation, preferences)
        last = conversation.last
        if last is None or not last.text.strip():
            notice = Notice.IMAGE_ONLY if last is not None and last.has_image else Notice.EMPTY_TURN
            yield Words(voice.notice(notice))
            ending = "whole"
        else:
            ending = yield from self._model_words(conversation, decision, preferences, snippet, voice)
            snippet = snippet if ending == "whole" else None  # no joke under words that stopped or never came
        if tail := self._tail(conversation, decision, preferences, snippet, voice, ending):
            yield Words("\n\n" + "\n\n".join(tail))
        if snippet is not None and preferences.show_snippet:
            summary = voice.notice(Notice.SNIPPET_SUMMARY)
            yield Source(f"{summary} · {snippet.title}", snippet.lines)

    def guidance(self, conversation: Conversation, decision: Decision, preferences: Preferences) -> str:
        """Text for another model's system prompt: care with the helpline under SUPPORT; else empty."""
        if decision.route is not Route.SUPPORT:
            return ""
        voice = self._voice(conversation, preferences)
        care = self._prompts.of(voice.language)["care"]
        return "\n\n".join([care, *self._prompts.care_lines(voice.care_lines(decision, retold=True), voice.language)])

    def _model_words(
        self,
        conversation: Conversation,
        decision: Decision,
        preferences: Preferences,
        snippet: Snippet | None,
        voice: Voice,
    ) -> Generator[Piece, None, Ending]:
        """The answer, or true words in its place or at its end, which name the helpline to whom needs care."""
        support = decision.route is Route.SUPPORT
        if support and self._check is None:  # what nobody can look at must not reach a person at risk
            self._metrics.failed("output", FAILED)
            yield Words(voice.notice(Notice.MODEL_MISSING))
            return "failed"
        messages = prompt.build(
            self._prompts,
            self._without_own_lines(conversation),
            route=decision.route,
            language=voice.language,
            humour=self._prompts.humour(decision, snippet.lines if snippet else None, preferences, voice.language),
            num_ctx=self._backend.num_ctx,
            worst_of=self._worst,
        )
        pieces = split_thoughts(self._stream(messages, preferences), support=support, said=conversation.said[-WINDOW:])
        if support or not preferences.show_thinking:
            pieces = without_thoughts(pieces)
        pieces = without_fences(pieces)
        if self._check:
            pieces = self._check.guard(pieces, support=support, metrics=self._metrics)
        spoken = False
        try:
            for piece in closed(pieces):
                if isinstance(piece, Waiting):
                    yield Status(voice.notice(_status_for(piece)))
                    continue
                if isinstance(piece, Words) and not spoken:
                    piece = Words(piece.text.lstrip())
                    if not piece.text:
                        continue
                    spoken = True
                yield piece
        except Unfit as found:
            log.warning("The model's answer was held back (%s).", found.rule)
            self._metrics.failed("output", found.rule)
            gap = "\n\n" if spoken else ""
            yield Words(gap + voice.notice(Notice.HELD_BACK_SUPPORT if support else Notice.HELD_BACK))
            return "held back"
        except ModelError as error:
            log.warning("The model failed: %s", error)
            self._metrics.failed("model", type(error).__name__)
            gap = "\n\n" if spoken else ""
            yield Words(gap + voice.notice(_notice_for(error, spoken)))
            return "cut" if spoken else "failed"
        if not spoken:
            yield Words(voice.notice(Notice.MODEL_EMPTY))
        return "whole" if spoken else "failed"

    def _worst(self, texts: Sequence[str]) -> Risk:
        """The worst level among earlier turns; where they cannot be read, nobody may be remembered as safe."""
        return self._metrics.attempt("lexicon", lambda: self._worst_of(texts), Risk.CONCERN)

    def _tail(
        self,
        conversation: Conversation,
        decision: Decision,
        preferences: Preferences,
        snippet: Snippet | None,
        voice: Voice,
        ending: Ending,
    ) -> list[str]:
        named = ending in ("failed", "cut") or (ending == "held back" and decision.route is Route.SUPPORT)
        tail: list[str] = []
        number = len(conversation.said)
        last = conversation.last
        if last is not None and last.has_image and last.text.strip():
            tail.append(voice.notice(Notice.IMAGE_UNSEEN))
        if last is not None and len(last.text) > MAX_CHARS:
            tail.append(voice.notice(Notice.READ_IN_PART))
        if snippet is not None and preferences.show_snippet:
            summary = voice.notice(Notice.SNIPPET_SUMMARY)
            tail.append(folded(summary, _quoted(snippet.title), _quoted(snippet.lines)))
        elif snippet is not None:
            tail.append(marker(snippet.id).strip())
        if decision.route is Route.SUPPORT:
            tail += voice.care_lines(decision, named=named)
        if preferences.reminder_every and number and number % preferences.reminder_every == 0:
            tail.append(voice.notice(Notice.AI_REMINDER))
        if self._backend.standin and ending != "failed":
            tail += voice.standin_lines(decision, tail, named=named)
        return [text for text in tail if text]

    def _stream(self, messages: list[Message], preferences: Preferences) -> Iterator[Chunk]:
        deadlines = Deadlines(preferences.first_piece_seconds, preferences.silence_seconds)
        return self._model.stream(self.model_name(preferences), messages, deadlines)

    def _voice(self, conversation: Conversation, preferences: Preferences) -> Voice:
        return Voice.of(self._replies, conversation, preferences, self._metrics)

    def _without_own_lines(self, conversation: Conversation) -> Conversation:
        """The talk without the lines we appended, so that the model does not learn to repeat them."""
        return conversation if self._replies is None else conversation.map_answers(self._replies.strip)


def _status_for(waiting: Waiting) -> Notice:
    if waiting.loading:
        return Notice.STATUS_LOADING
    return Notice.STATUS_THINKING if waiting.seconds < HEARTBEAT_SECONDS else Notice.STATUS_SLOW


def _notice_for(error: ModelError, spoken: bool) -> Notice:
    if spoken:
        return Notice.MODEL_CUT
    if isinstance(error, ModelMissing):
        return Notice.MODEL_MISSING
    if isinstance(error, ModelCut):  # it has thought up to the limit: the server was there, and no words came
        return Notice.MODEL_EMPTY
    return Notice.MODEL_SLOW if isinstance(error, ModelTimeout) else Notice.MODEL_AWAY


def _quoted(lines: str) -> str:
    """One line a speaker, also in Markdown."""
    return "\n\n".join(quoted(lines))
