"""Reads one turn with rules and classifier, all of it and its passages. Remembers evidence, never words."""

from __future__ import annotations

import re
from dataclasses import replace

from psylite_pipeline.decision import Told
from psylite_pipeline.language import language_of
from psylite_pipeline.risk.memory import ScoreCache
from psylite_pipeline.risk.parts import Classifier, Encode, Rules
from psylite_pipeline.risk.passages import passages_of, quiet, read_whole, with_passages
from psylite_pipeline.risk.reading import Question
from psylite_pipeline.risk.turn_assessment import Evidence, Probabilities
from psylite_pipeline.risk.verdict import UNCLEAR
from psylite_pipeline.text import amount_said, only_laughs

#: How much a turn says that is more than an answer in a few words (`text.amount_said`).
SPEAKS = 12

_QUOTATION = re.compile(r"[“”「『《【\"‘]|(?:^|[\s(,:])'\w")


class Listener:
    """Rules and classifier together. Safe to share between threads."""

    def __init__(self, rules: Rules, classifier: Classifier | None) -> None:
        self._rules = rules
        self._classifier = classifier
        self._memory: ScoreCache[Evidence] = ScoreCache()

    def hear(self, asked: str, text: str, encode: Encode) -> Evidence:
        """The evidence in a turn that comes after `asked`, the assistant's words."""
        return self._memory.get(
            f"{len(asked)} {asked}{text}", lambda: self._hear(asked, text, encode), keep=lambda heard: heard.kept
        )

    def _hear(self, asked: str, text: str, encode: Encode) -> Evidence:
        said = self._rules.read(text)
        left = said.undenied
        # What was said before may be long: it is searched where this turn may be an answer to it, and only there.
        answers = left is not None or said.yes or said.called or said.names_another or bool(said.named)
        question = self._rules.question(asked) if answers else Question()
        # Nobody who says of themselves that they are not suicidal is asked whether they are.
        unasked = not left and Told.EXPLAINED in said.told
        denied = left is not None and left != text and (question.of_danger or unasked)
        heard = Evidence(
            replace(said, told=question.told(said), undenied=None),
            question,
            denied,
            english=language_of(text) == "en",
            length=len(text.strip()),
            speaks=amount_said(text) >= SPEAKS,
            laughs=only_laughs(text),
            quoted=_QUOTATION.search(text) is not None,
        )
        words = left or "" if denied else text
        if not self._classifier or not words.strip():
            return heard
        heard = self._classified(heard, self._classifier, words, encode)
        perhaps = heard.scores is not None and heard.scores.affirms >= UNCLEAR * self._classifier.thresholds.affirms
        return heard if answers or not perhaps else replace(heard, asked=self._rules.question(asked))

    def _classified(self, heard: Evidence, classifier: Classifier, words: str, encode: Encode) -> Evidence:
        """With what the classifier reads in the `words` that count: all, but of a denial only what else it says."""
        vectors = encode((words,))
        known = vectors is not None
        scores = classifier.read(words, vectors[0] if known else None, heard.said.findings)
        passages, whole = self._passages(classifier, words, encode) if known else ({}, False)
        raised = with_passages(scores, passages)
        return replace(
            heard,
            # Who denied has not said yes, and what is left must speak more clearly.
            scores=replace(raised, affirms=0.0) if heard.denied else raised,
            seen=max(one.concern for one in (scores, *passages.values())),
            closely=whole and not heard.denied and read_whole(words, passages),
            kept=whole,
            by_words=not known,
        )

    def _passages(self, classifier: Classifier, text: str, encode: Encode) -> tuple[dict[str, Probabilities], bool]:
        """The passages of a long text as the classifier reads them: by their words, and by their vectors, too, where
        the words are not plainly quiet. And whether the encoder gave all of those."""
        found = {part: self._rules.findings(part) for part in passages_of(text)}
        read = {part: classifier.read(part, None, findings) for part, findings in found.items()}
        uneasy = [part for part, scores in read.items() if not quiet(scores)]
        vectors = encode(uneasy) if uneasy else None
        for part, vector in zip(uneasy, vectors if vectors is not None else (), strict=False):
            read[part] = classifier.read(part, vector, found[part])
        return read, not uneasy or vectors is not None
