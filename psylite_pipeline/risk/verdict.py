"""What one turn is by itself, from the evidence in it. `assessed` is the story; each step takes the verdict so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.reading import Finding, gravest
from psylite_pipeline.risk.rules.rulebook import HEAVY_SIGNS
from psylite_pipeline.risk.turn_assessment import Evidence, Probabilities, Thresholds, TurnAssessment

#: The classifier alone, where no rule speaks, calls a turn high from here on; below it the turn gets care, not the
#: staged talk. Of 445 rows written without sight of the training turns: 2 of 262 harmless fewer, 1 of 103 in
#: danger.
ALONE_HIGH = 0.6

#: Where a rule is sure that what is asked for is for somebody else's glass, the classifier reads the sleep in it as
#: one's own: it is heard from here on only. Of the 11 such requests in our turns and the rule's examples it gives at
#: most .80, of three by whoever would drink of it at least .94.
BESIDE_REQUEST = 0.9

#: From this share of the threshold for a yes on, an answer to a direct question is neither yes nor no, and gets care.
#: Chosen: who does not clearly deny is asked again.
UNCLEAR = 0.6

#: From this share of the threshold for concern on, a turn is uneasy: no reason for care yet, but none for a joke.
#: Chosen, on the side of no joke.
UNEASY = 0.6

#: Below this share of the threshold for concern the classifier doubts what rules of concern alone say of a turn that it
#: read as a whole: such words (撑不住了, suicide, giving things away) are about danger or about work, news and moving
#: house. Of own rows that the weights had not seen, with such a rule: 94 of 169 harmless fewer, 8 of 180 in danger. Not
#: in the fewest words (活着真没意思): there is nothing else to go by, and what is new to it looks calm. Of 800 turns so
#: short in which a rule speaks, 20 more get care: 5 in danger, 6 of low spirits, 9 that were written to mislead.
DOUBTED = 0.5

#: The same for rules of high about oneself, where words stand in quotation marks: 7 of 24 harmless fewer, none of 15 in
#: danger.
DOUBTED_QUOTED = 0.25

#: Below this share what a single rule of high, unless it is sure, says of harm that somebody means is met with care and
#: the direct question in place of the staged talk, and never with less: figures of speech in new words, homework, what
#: is over. Plain words amid a pleasant tale are heard by more rules than one. Of own rows that the weights had not
#: seen, with one such rule: 67 of 227 harmless softened, 3 of 772 in danger.
SOFTENED = 0.25
#: Harm that somebody means; of what others do to them the classifier has learnt less.
MEANT = frozenset({Kind.SELF_HARM, Kind.HARM_TO_OTHERS})

#: In turns of more characters a few words may be lost on the classifier, so there it doubts nothing.
DOUBTED_LENGTH = 300

#: Whoever asks for a joke asks for words to be written, as harmful requests do: the classifier needs more to decline.
JOKING = 0.9

#: To find such a turn heavy by itself it needs more, too: the same words are written after bad news, and that counts
#: anyway. Of own rows that ask for a joke and that the weights had not seen, at most 1 of 77 light ones is refused and
#: 32 % of the 57 heavy ones, as many as from .55 on.
JOKING_HEAVY = 0.62

#: What `by_emergency` says that it is.
BY_CLASSIFIER = "classifier.emergency"

#: What `answering` calls a yes.
ANSWERED_YES = "context.yes-to-direct-question"

#: The same, where it may be none.
PERHAPS_YES = "context.perhaps-yes-to-direct-question"

#: What beside a rule is a sign of danger of its own.
VOICES = frozenset({"classifier.concern", PERHAPS_YES})

# Beside what nobody is taken for well.
_AILING = frozenset(
    {Told.ACT, Told.BREATH, Told.UNWOKEN, Told.ILL, Told.FIRE, Told.GAS, Told.FUMES, Told.SWALLOWED, Told.WORSE}
)
# Signs in the lexicon that a person in danger is answered to.
_TOLD_BY_SIGN = {"joke_request": Told.JOKE, "calm": Told.BETTER, "retraction": Told.JOKING}
# What was meant is said in the same breath, or words of death are said of a trifle.
_NOT_MEANT = frozenset({Told.EXPLAINED, Told.FIGURE})


@dataclass(frozen=True, slots=True)
class Verdict:
    """One turn, as far as it has been judged. `rules` names what spoke; `firm`: see TurnAssessment."""

    level: Risk = Risk.NONE
    kind: Kind | None = None
    rules: tuple[str, ...] = ()
    harmful: bool = False
    heavy: bool = False
    firm: bool = False
    for_another: bool = False
    """A harmful thing is asked for that a rule is sure is for somebody else."""

    def said(self, rule: str, **changes: object) -> Verdict:
        """The verdict after one more voice."""
        return replace(self, rules=(*self.rules, rule), **changes)


def assessed(heard: Evidence, limits: Thresholds, *, sensitive: bool = False, last: bool = False) -> TurnAssessment:
    """The level of a turn by itself. A harmful request that no rule knows is heard in the last turn of a talk only."""
    findings, scores = heard.said.findings, heard.scores
    factor = limits.sensitive if sensitive else 1.0
    danger = limits.danger(english=heard.english, without_vector=heard.blurred)
    concern, high = (factor * limit for limit in danger)
    verdict = by_rules(findings)
    if scores and heard.closely:
        verdict = doubted(verdict, heard, heard.seen / concern)
    verdict = answering(verdict, heard, limits.affirms, concern)
    errand = False
    if scores:
        ruled = verdict
        verdict = by_scores(verdict, heard, scores, concern, high, factor * ALONE_HIGH)
        errand = (
            (heard.said.errand or (heard.after_joke and heard.said.of_a_joke))
            and not ruled.level
            and verdict.level > Risk.NONE
        )
        if not all_well(heard.said.told):
            verdict = by_emergency(verdict, scores, limits.emergency)
        if last and not heard.said.everyday:
            verdict = by_request(verdict, heard, scores, limits.harmful, concern)
        verdict = by_weight(verdict, heard, scores, limits.heavy, concern)
    return TurnAssessment(
        findings,
        scores,
        verdict.level,
        verdict.kind,
        verdict.rules,
        verdict.harmful,
        verdict.heavy,
        moot=heard.denied or not heard.length or heard.has("retraction"),
        speaks=heard.speaks,
        closely=heard.closely,
        share=scores.concern / concern if scores else 0.0,
        firm=verdict.firm,
        errand=errand and verdict.level < Risk.IMMINENT,
        passing=heard.said.passing and scores is not None and only_passes(verdict, scores, concern),
        idle=heard.idle and not verdict.heavy,
        after_joke=heard.after_joke,
        told=frozenset(told for sign, told in _TOLD_BY_SIGN.items() if heard.has(sign))
        | ({Told.DENIAL} if heard.denied else set())
        | {finding.tells for finding in findings if finding.tells},
    )


def only_passes(verdict: Verdict, scores: Probabilities, concern: float) -> bool:
    """Whether the classifier, too, sees no more than a mood that passes, where one is named and nothing else."""
    return not verdict.level and scores.heavy < JOKING_HEAVY and scores.concern < UNEASY * concern


def by_rules(findings: Sequence[Finding]) -> Verdict:
    """What the lexicon says."""
    level = gravest(findings)
    kinds = [finding.kind for finding in findings if finding.level == level and level > Risk.NONE]
    if Kind.EMERGENCY in kinds:  # what is meant by whoever writes, or done to them, needs more than an ambulance
        grave = [finding.kind for finding in findings if finding.level >= Risk.HIGH]
        kinds = [kind for kind in grave if kind not in (Kind.EMERGENCY, Kind.SOMEONE_ELSE)] or [Kind.EMERGENCY]
    return Verdict(
        level,
        next(iter(kinds), None),
        tuple(finding.rule for finding in findings),
        harmful=any(finding.kind is Kind.HARMFUL_REQUEST for finding in findings),
        heavy=any(finding.sign in HEAVY_SIGNS for finding in findings),
        firm=level > Risk.NONE,
        for_another=any(finding.kind is Kind.HARMFUL_REQUEST and finding.sure for finding in findings),
    )


def doubted(verdict: Verdict, heard: Evidence, share: float) -> Verdict:
    """What is left of the rules' word where the classifier, which read the turn as a whole, sees `share` of the concern
    that it needs. The turn stays heavy. An act under way and an emergency are never doubted."""
    if heard.length > DOUBTED_LENGTH:
        return verdict
    findings = heard.said.findings
    vague = heard.speaks and not any(finding.softened or finding.sure for finding in findings)
    weak = verdict.level is Risk.CONCERN and vague
    own = all(finding.kind is Kind.SELF_HARM for finding in findings if finding.level == verdict.level)
    quoted = verdict.level is Risk.HIGH and own and heard.quoted
    if share < (DOUBTED if weak else DOUBTED_QUOTED if quoted else 0.0):
        return verdict.said("classifier.doubts-the-rules", level=Risk.NONE, kind=None, heavy=True, firm=False)
    grave = {finding.rule: finding for finding in findings if finding.level is Risk.HIGH}
    alone = len(grave) == 1 and not any(finding.sure for finding in grave.values())
    if share < SOFTENED and alone and verdict.level is Risk.HIGH and verdict.kind in MEANT:
        return verdict.said("classifier.softens-the-rules", level=Risk.CONCERN, heavy=True)
    return verdict


def answering(verdict: Verdict, heard: Evidence, sure: float, concern: float) -> Verdict:
    """Raised where the turn answers a direct question about danger with a yes, which the classifier hears from `sure`
    on, or neither with yes nor with no. Our question about either is asked where the classifier alone was worried:
    where it sees no unease in the answer (`concern` is what it needs for more), its yes may be a second mistake
    ("you're crazy"), and is care, and the question again."""
    said, affirms = heard.said, heard.scores.affirms if heard.scores else 0.0
    either = heard.asked.about == "either"
    mistaken = either and not said.opens_yes and heard.seen < UNEASY * concern
    if said.yes or (affirms >= sure and not said.answers_nothing and not mistaken):
        level, rule = Risk.HIGH, ANSWERED_YES
    elif affirms >= sure and not said.answers_nothing:
        level, rule = Risk.CONCERN, PERHAPS_YES
    elif (affirms >= UNCLEAR * sure and Told.EXPLAINED not in said.told) or (either and said.names_another):
        level, rule = Risk.CONCERN, "context.unclear-to-direct-question"
    else:
        return verdict
    whose = heard.asked.whose(said)
    of_another = not (said.yes or either) and whose is Kind.SELF_HARM and said.of_another  # "she's in Canada"
    if not heard.asked.of_danger or of_another or level <= verdict.level:
        return verdict
    return verdict.said(rule, level=level, kind=verdict.kind or whose, firm=True)


def by_scores(
    verdict: Verdict, heard: Evidence, scores: Probabilities, concern: float, high: float, alone: float
) -> Verdict:
    """Raised by what the classifier reads from the thresholds `concern` and `high` on; where nothing else spoke, high
    from `alone` on, beside a harmful request for somebody else from BESIDE_REQUEST on. What is explained gets care at
    most. Whose danger it is stays what the talk is about (walk.py), unless the turn tells of nobody but another."""
    far = high if verdict.level > Risk.NONE else max(high, alone)
    if verdict.for_another and not verdict.level:
        concern, far = math.inf, max(far, BESIDE_REQUEST)
    if heard.said.told & _NOT_MEANT:
        far = math.inf
    said = Risk.HIGH if scores.high >= far else Risk.CONCERN if scores.concern >= concern else Risk.NONE
    if said > verdict.level:
        verdict = verdict.said(f"classifier.{said.label}", level=said, firm=verdict.firm or said > Risk.CONCERN)
    if verdict.level is Risk.HIGH and verdict.kind is None and heard.said.of_another:
        return replace(verdict, kind=Kind.SOMEONE_ELSE)  # nobody who found a child's blades is asked to live
    return verdict


def all_well(told: frozenset[Told]) -> bool:
    """Whether they say that nobody is ill, and nothing that speaks against it."""
    return Told.WELL in told and told.isdisjoint(_AILING)


def by_emergency(verdict: Verdict, scores: Probabilities, limit: float) -> Verdict:
    """An emergency where the classifier reads one, from `limit` on: not where rules know of an act under way, or of
    harm that somebody means, nor where it finds that more likely itself."""
    meant = verdict.level >= Risk.HIGH and verdict.kind not in (None, Kind.SOMEONE_ELSE)
    if scores.emergency < max(limit, scores.high) or verdict.level is Risk.IMMINENT or verdict.harmful or meant:
        return verdict
    return verdict.said(BY_CLASSIFIER, level=Risk.IMMINENT, kind=Kind.EMERGENCY, heavy=True, firm=True)


def by_request(verdict: Verdict, heard: Evidence, scores: Probabilities, harmful: float, concern: float) -> Verdict:
    """Declined where the classifier reads a harmful request, from `harmful` on, unless death is spoken of a trifle.
    Words about one's own harm resemble one: in doubt they get care, not a refusal."""
    if verdict.harmful or Told.FIGURE in heard.said.told:
        return verdict
    if scores.harmful < (max(harmful, JOKING) if heard.has("joke_request") else harmful):
        return verdict
    if scores.concern < max(concern / 2, scores.harmful):
        return verdict.said("classifier.harmful_request", harmful=True)
    level, kind = (verdict.level, verdict.kind) if verdict.level else (Risk.CONCERN, Kind.SELF_HARM)
    return verdict.said("classifier.doubt", level=level, kind=kind, firm=True)


def by_weight(verdict: Verdict, heard: Evidence, scores: Probabilities, heavy: float, concern: float) -> Verdict:
    """Whether the turn weighs on the person, from the threshold `heavy` on, or is uneasy. Where nothing but a joke is
    asked for, or somebody only laughs or says a word about one, only the rules know."""
    if heard.idle or (heard.said.errand and heard.has("joke_request")):
        return verdict
    sad = scores.heavy >= (max(heavy, JOKING_HEAVY) if heard.has("joke_request") else heavy)
    heavy_now = verdict.heavy or sad or scores.concern >= UNEASY * concern
    return replace(verdict, heavy=True) if heavy_now and not verdict.heavy else verdict
