"""The story of a turn: `decide()` judges it, `reply()` answers it. Start reading here.

Neither keeps a word of a talk between turns, nor anything that changes an answer: all they know of it stands in its
messages. (Remembered scores save time, risk/memory.py.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from psylite_pipeline.answers import Answers, Piece
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Decision, Kind, Risk, Route, Scores
from psylite_pipeline.embedding import Embedder, Vectors
from psylite_pipeline.humour.asking import more_of, wants_none
from psylite_pipeline.humour.corpus import Snippet
from psylite_pipeline.humour.fit import Fit, fit
from psylite_pipeline.humour.searching import Hit
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.language import language_of_talk
from psylite_pipeline.metrics import NO_METRICS, Metrics
from psylite_pipeline.model import ChatModel
from psylite_pipeline.risk import judge
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.normalise import MAX_CHARS
from psylite_pipeline.risk.policy import TOO_LONG, Met, Opinion, settled, unjudged
from psylite_pipeline.risk.reading import Finding, gravest
from psylite_pipeline.risk.score import risk_floor
from psylite_pipeline.risk.walk import CALM_AFTER_CONCERN, Assessment
from psylite_pipeline.settings import Preferences

#: What a text is taken to say that could not be read, or not its middle: it may speak of danger.
_UNREAD = (Finding("failure.lexicon", Risk.CONCERN, None, ""),)
_TOO_LONG = Finding(TOO_LONG, Risk.CONCERN, None, "")

#: What is taken for met danger where nobody can say: some, one answer ago.
_MAY_HAVE_MET = Met(1, 1)


class Counsellor:
    """Judges and answers turns. `opening.open_counsellor` gathers its parts. Safe to share between threads.

    `assessor` may lean on the classifier; `plain_assessor` has the lexicon alone and steps in when the first fails.
    """

    def __init__(
        self,
        *,
        assessor: Assessor,
        plain_assessor: Assessor,
        embedder: Embedder,
        shelf: Shelf,
        answers: Answers,
        model: ChatModel,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._assessor = assessor
        self._plain_assessor = plain_assessor
        self._embedder = embedder
        self._shelf = shelf
        self._answers = answers
        self._model = model
        self._metrics = metrics
        self._attempt = metrics.attempt

    @property
    def shelf(self) -> Shelf:
        """The snippets it tells from."""
        return self._shelf

    def decide(self, conversation: Conversation, preferences: Preferences | None = None) -> Decision:
        """Judge the last turn of `conversation`. Never raises; whatever fails leaves the turn at least as safe."""
        preferences = preferences or Preferences()
        started = time.perf_counter()
        decision = self._task(conversation) if conversation.task else self._turn(conversation, preferences)
        return replace(decision, milliseconds=(time.perf_counter() - started) * 1000)

    def reply(
        self, conversation: Conversation, decision: Decision, preferences: Preferences | None = None
    ) -> Iterator[Piece]:
        """The pieces of the answer to the turn that `decision` judged; never ends without words. Whatever a model does,
        it does not raise. A fault of our own may pass: hosts catch it and give the last resort's words."""
        preferences = preferences or Preferences()
        self._metrics.decided(decision)
        match decision.route:
            case Route.TASK:
                pieces = self._answers.task(conversation, decision, preferences)
            case Route.CRISIS:
                pieces = self._answers.crisis(conversation, decision, preferences)
            case Route.DECLINE:
                pieces = self._answers.decline(conversation, decision, preferences)
            case _:
                pieces = self._answers.counsel(conversation, decision, preferences, self._snippet(decision))
        return self._metrics.timed(pieces, decision)

    def guidance(self, conversation: Conversation, decision: Decision, preferences: Preferences) -> str:
        """Text to put before another model that answers this turn: care where it is needed, else nothing. No snippet:
        what another model tells cannot be known at the next turn, so the same would come again and again."""
        self._metrics.decided(decision)
        return self._answers.guidance(conversation, decision, preferences)

    def warm_up(self) -> None:
        """Load the encoder and the index now, so that the first person does not wait for them. Never raises."""
        self._attempt("encoder", lambda: self._embedder.encode([""]), None)
        self._attempt("snippets", self._shelf.open, None)

    def _turn(self, conversation: Conversation, preferences: Preferences) -> Decision:
        encoded = self._encode((conversation.last.text,)) if conversation.last else None
        vector = None if encoded is None else encoded[0]
        assessment = self._assess(conversation, vector, preferences)
        if assessment is None:  # even the lexicon failed: nobody may be treated as safe
            return unjudged(conversation.floor)
        opinion = self._second_opinion(conversation, assessment, preferences)
        met = self._met_danger(conversation, preferences)
        unread = any(len(text) > MAX_CHARS for text in conversation.said[-1 - CALM_AFTER_CONCERN :])
        found = settled(assessment, opinion, conversation.floor, met, unread=unread)
        if found.route is not Route.PLAIN:
            return found
        if met.since:  # care is over, and calm began there
            calm, asking = (min(one, met.since - met.lasts) for one in (assessment.calm, assessment.calm_for_asking))
            assessment = replace(assessment, calm=calm, calm_for_asking=asking)
        return self._humour(conversation, assessment, vector, preferences, found)

    def _humour(
        self,
        conversation: Conversation,
        assessment: Assessment,
        vector: Vectors | None,
        preferences: Preferences,
        found: Decision,
    ) -> Decision:
        shown = self._attempt("snippets", lambda: self._shown(conversation, preferences), None)
        if shown is None:  # not knowing what was told already, nothing is told
            return found
        more = more_of(conversation.last.text) if conversation.last else None
        none_now = conversation.last is not None and wants_none(conversation.last.text)
        judged = fit(assessment, shown, preferences, more=more, wants_none=none_now)
        joke = ("refused" if judged.closed else "asked") if judged.asked and preferences.humour else ""
        found = replace(found, scores=replace(found.scores, humour=judged.score), joke=joke)
        language = language_of_talk(conversation.said)
        if not judged.open or language == "other":  # there are no snippets in it, and nobody can judge the mood
            return found
        used = frozenset().union(*shown)
        hit = self._attempt("retrieval", lambda: self._find(conversation, language, vector, used, judged), None)
        return replace(found, route=Route.HUMOUR, snippets=(hit.snippet.id,)) if hit else found

    def _shown(self, conversation: Conversation, preferences: Preferences) -> tuple[frozenset[str], ...]:
        return self._shelf.shown_in(conversation.answered) if preferences.humour else ()

    def _find(
        self, conversation: Conversation, language: str, vector: Vectors | None, used: frozenset[str], judged: Fit
    ) -> Hit | None:
        own = vector if self._shelf.embedder.name == self._embedder.name else None
        about = conversation.said[-judged.about :]
        return self._shelf.find(
            about,
            own,
            language=language,
            used=used,
            asked=judged.asked,
            tender=judged.tender,
            seed=conversation.seed,
        )

    def _snippet(self, decision: Decision) -> Snippet | None:
        ids = decision.snippets
        return self._attempt("snippets", lambda: self._shelf.get(ids[0]), None) if ids else None

    def _task(self, conversation: Conversation) -> Decision:
        """Background work goes straight to the model, unless rules find danger in its text, or a harmful request."""
        texts = (conversation.system, *(turn.raw for turn in conversation.turns))
        findings = [
            one
            for text in texts
            for one in self._attempt("lexicon", lambda text=text: self._plain_assessor.findings(text), _UNREAD)
            if one.level > Risk.NONE or one.kind is Kind.HARMFUL_REQUEST
        ]
        if any(len(text) > MAX_CHARS for text in texts):
            findings.append(_TOO_LONG)
        risk = gravest(findings)
        rules = tuple(dict.fromkeys(one.rule for one in findings))
        return Decision(Route.TASK, risk, rules=rules, scores=Scores(risk=risk_floor(risk)))

    def _encode(self, texts: Sequence[str]) -> Vectors | None:
        return (
            self._attempt("encoder", lambda: self._embedder.encode(texts), None) if any(map(str.strip, texts)) else None
        )

    def _assess(
        self, conversation: Conversation, vector: Vectors | None, preferences: Preferences
    ) -> Assessment | None:
        sensitive = preferences.sensitivity == "high"
        said = conversation.last.text if conversation.last else ""
        failed = vector is None and bool(said.strip())

        def encode(texts: Sequence[str]) -> Vectors | None:
            if failed or tuple(texts) == (said,):
                return None if vector is None else vector[None]
            return self._encode(texts)

        for part, assessor in (("classifier", self._assessor), ("lexicon", self._plain_assessor)):
            found = self._attempt(
                part, lambda assessor=assessor: assessor.assess(conversation, encode, sensitive=sensitive), None
            )
            if found is not None:
                return found
        return None

    def _second_opinion(self, conversation: Conversation, assessment: Assessment, preferences: Preferences) -> Opinion:
        """Ask the judge where the valve says so. Late, away or unreadable means the safer route."""
        level, rules = assessment.level, assessment.rules
        floor = conversation.floor
        known = floor.route in (Route.CRISIS, Route.DECLINE) or floor.risk >= Risk.HIGH
        if known or not judge.wanted(preferences.judge, assessment):
            return Opinion(level, rules)
        name = preferences.judge_model or self._answers.model_name(preferences)
        seconds, prompt = preferences.judge_seconds, self._answers.judge_prompt
        said = self._attempt("judge", lambda: judge.ask(self._model, name, conversation.turns, seconds, prompt), None)
        if said is None:
            return Opinion(max(level, Risk.CONCERN), (*rules, judge.NO_VERDICT))
        return Opinion(judge.combine(assessment, said), (*rules, f"judge.{said.label}"))

    def _met_danger(self, conversation: Conversation, preferences: Preferences) -> Met:
        """As `Answers.met_danger`, while a judge is on: what it found at an earlier turn, no rule knows now."""
        if preferences.judge == "off":
            return Met()
        return self._attempt("replies", lambda: self._answers.met_danger(conversation), _MAY_HAVE_MET)
