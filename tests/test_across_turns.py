"""Risk carried through a talk: stages of a crisis, worry that fades, what a short answer means, where it ends."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import KeywordClassifier, KeywordRules

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.score import risk_floor
from psylite_pipeline.risk.stages import QUIET_TURNS, STAGES, STAGES_ARMED, STAGES_URGENT
from psylite_pipeline.risk.talk import REACH, RHYTHM, WINDOW
from psylite_pipeline.risk.walk import CALM_AFTER_CONCERN, CALM_AFTER_CRISIS, Assessment

NONE, CONCERN, HIGH, IMMINENT = Risk


def assess(
    *turns: str, answers: dict[int, str] | None = None, classifier=True, sensitive=False, encoder=False
) -> Assessment:
    """The person's turns, with the assistant's answer after turn `n` where `answers` has one."""
    messages = []
    for number, turn in enumerate(turns):
        messages.append({"role": "user", "content": turn})
        messages.append({"role": "assistant", "content": (answers or {}).get(number, "嗯")})
    talk = Conversation.from_body({"messages": messages[:-1] if messages else []})
    assessor = Assessor(KeywordRules(), KeywordClassifier() if classifier else None)
    vectors = np.zeros((1, 1), dtype=np.float32) if encoder else None
    return assessor.assess(talk, lambda _: vectors, sensitive=sensitive)


def levels(*turns: str, encoder=False) -> list[Risk]:
    """The level of each turn as the talk went."""
    return [assess(*turns[: number + 1], encoder=encoder).level for number in range(len(turns))]


@pytest.mark.parametrize(
    ("turn", "level", "kind"),
    [
        ("x", NONE, None),
        ("WORRY", CONCERN, Kind.SELF_HARM),
        ("FRIEND", CONCERN, Kind.SOMEONE_ELSE),
        ("DIE", HIGH, Kind.SELF_HARM),
        ("BEATEN", HIGH, Kind.ABUSE),
        ("NOW", IMMINENT, Kind.SELF_HARM),
        ("WORRY DIE FRIEND", HIGH, Kind.SELF_HARM),
        ("FAINT", CONCERN, None),
        ("GRAVE", HIGH, Kind.SELF_HARM),
        ("GRAVE FRIEND", HIGH, Kind.SOMEONE_ELSE),
    ],
)
def test_one_turn_gets_the_highest_level_that_anybody_gives_it(turn, level, kind):
    found = assess(turn)
    assert (found.level, found.own, found.kind) == (level, level, kind)


def test_the_classifier_may_raise_but_never_lower():
    assert assess("DIE").level is assess("DIE", classifier=False).level is HIGH
    assert assess("FAINT", classifier=False).level is NONE
    assert assess("FAINT").lexicon is NONE
    assert assess("HINT").level is NONE
    assert assess("HINT", sensitive=True).level is CONCERN


def test_a_crisis_stays_open_for_its_stages_whatever_is_answered():
    crisis, support = [HIGH] * STAGES, [CONCERN] * CALM_AFTER_CRISIS
    assert levels("DIE", *["x"] * 12) == [*crisis, *support, NONE, NONE, NONE]
    assert levels("DIE", *["KIDDING"] * 15) == [*crisis, *[CONCERN] * 12]


QUIET = "we spoke of this and of that for the whole day"


def test_what_is_urgent_stays_so_until_help_is_coming_whatever_is_talked_of():
    assert levels("NOW", *["x"] * 30) == [IMMINENT] * 31
    assert levels("NOW", *["KIDDING"] * 30) == [IMMINENT] * 31
    assert levels("NOW", *["x"] * 20, "TOLD help", "x", "x")[20:] == [IMMINENT, HIGH, HIGH, CONCERN]
    assert levels("NOW", "TOLD denial", "x") == [IMMINENT] * 3


def test_a_false_alarm_holds_nobody_for_ever():
    """Turns about something quiet, and words that it was not meant so, count, but never before the urgent turns are
    over; and then it is high for a while, and care after that."""
    for_a_while = [HIGH] * (STAGES - 1)
    assert levels("NOW", *[QUIET] * 10, encoder=True)[1:] == [*[IMMINENT] * (STAGES_URGENT - 1), *for_a_while]
    late = ["NOW", *["x"] * 9, *[QUIET] * QUIET_TURNS]
    assert levels(*late, encoder=True)[-2:] == [IMMINENT, HIGH]
    assert levels(*late, "x", "x", "x", encoder=True)[-3:] == [HIGH, HIGH, CONCERN]
    assert levels("NOW", "x", "TOLD explained", *["x"] * 6, encoder=True)[-2:] == [IMMINENT, HIGH]
    assert levels("BEATEN TOLD threat", *["x"] * 9, "TOLD over")[-2:] == [IMMINENT, HIGH]


@pytest.mark.parametrize("broken", ["DOUBT WORRY", f"TOLD fading {QUIET}", f"HINT {QUIET}"])
def test_an_uneasy_turn_among_quiet_ones_counts_them_anew(broken):
    turns = ["NOW", *["x"] * 9, *[QUIET] * (QUIET_TURNS - 1), broken, *[QUIET] * QUIET_TURNS]
    assert levels(*turns, encoder=True)[-QUIET_TURNS - 1 :] == [*[IMMINENT] * QUIET_TURNS, HIGH]


def test_neither_an_explanation_nor_quiet_without_the_encoder_ends_an_act():
    assert levels("NOW TOLD act", *["x"] * 9, "TOLD explained", "x", encoder=True)[-1] is IMMINENT
    assert levels("NOW", *["x"] * 9, *[QUIET] * 9)[-1] is IMMINENT


@pytest.mark.parametrize("sign", ["fading", "worse"])
def test_signs_that_an_act_works_make_it_urgent_again(sign):
    """Help that was told of may not come, and whoever spoke of quiet things may be dying."""
    assert levels("NOW TOLD act", "TOLD help", *["x"] * 4, f"TOLD {sign}")[-2:] == [CONCERN, IMMINENT]
    assert levels("DIE", f"TOLD {sign}")[-1] is HIGH
    assert levels("DIE", *["x"] * 4, "TOLD fading")[-1] is CONCERN, "sleepy is who has been up all night"


def test_concern_fades_after_its_calm_turns():
    assert levels("WORRY", *["x"] * 5) == [CONCERN, *[CONCERN] * CALM_AFTER_CONCERN, NONE, NONE]
    assert levels("WORRY", "x", "x", "WORRY", "x", "x", "x", "x")[-2:] == [CONCERN, NONE]


def test_a_retraction_is_no_calm_turn():
    assert levels("WORRY", *["KIDDING"] * 10)[-1] is CONCERN
    assert levels("WORRY", "x", "KIDDING", "x", "KIDDING", "x", "x")[-2:] == [CONCERN, NONE]


def test_risk_in_a_crisis_reopens_nothing_it_already_asked_but_stays_a_crisis():
    turns = levels("DIE", "x", "x", "x", "x", "DIE", "x", "x", "x")
    assert turns == [HIGH, HIGH, HIGH, HIGH, CONCERN, HIGH, HIGH, HIGH, CONCERN]


def test_the_talk_is_staged_from_a_crisis_on_until_its_stages_are_over():
    assert [assess("WORRY").staged, assess("DIE").staged, assess("DIE", "x").staged] == [False, True, True]
    assert not assess("DIE", *["x"] * STAGES).staged


def test_what_was_told_in_an_episode_is_known_until_its_end_and_help_only_while_it_is_fetched():
    assert assess("TOLD means").told == frozenset(), "nobody is in danger"
    assert assess("TOLD company", "x", "x", "DIE").told == frozenset(), "told before the episode"
    assert assess("DIE TOLD means", "TOLD company").told == {Told.MEANS, Told.COMPANY}
    assert assess("DIE", "TOLD help").told == {Told.HELP}
    assert assess("DIE TOLD means", "TOLD help", "x").told == {Told.MEANS}
    assert assess("DIE TOLD company", "TOLD alone").told == {Told.ALONE}, "with whom they are may change"


def test_an_act_told_of_in_a_talk_about_danger_is_an_emergency_and_opens_the_stages_again():
    assert levels("TOLD act") == [NONE], "any medicine is taken"
    assert levels("WORRY", "TOLD act") == [CONCERN, CONCERN]
    after = ["TOLD help", "x", "x", "x"]
    assert levels("DIE", "x", "TOLD act", *after) == [HIGH, HIGH, IMMINENT, HIGH, HIGH, HIGH, CONCERN]
    assert levels("DIE", "x", "x", "NOW", *after) == [HIGH, HIGH, HIGH, IMMINENT, HIGH, HIGH, HIGH, CONCERN]
    assert assess("DIE", "TOLD act").risk >= risk_floor(IMMINENT)


@pytest.mark.parametrize("told", ["means", "soon", "worse"])
def test_a_grave_answer_keeps_the_crisis_open_and_opens_it_again(told):
    """ "Tonight", "on the roof", "it gets worse": a crisis does not end by the count of its turns."""
    assert levels(f"TOLD {told}") == [NONE], "by itself it means nothing"
    staged = ["DIE", "x", "x", "x"]
    more = ["x"] * (STAGES_ARMED - STAGES if told == "means" else 0)
    after = levels(*staged, f"TOLD {told}", "x", "x", *more, "x")[3:]
    assert after == [*[HIGH] * (4 + len(more)), CONCERN], "longer while means are at hand"
    assert levels(*staged, "x", "x", f"TOLD {told}")[-2:] == [CONCERN, HIGH]


def test_means_and_a_near_time_together_are_an_emergency():
    assert levels("DIE", "TOLD means", "TOLD soon")[-1] is IMMINENT
    assert levels("DIE", "TOLD soon")[-1] is HIGH


@pytest.mark.parametrize("told", [Told.INJURY, Told.YOUNG, Told.BABY, Told.TOUCHED])
def test_what_kind_of_harm_it_is_and_who_writes_is_known_to_the_end(told):
    assert assess(f"DIE TOLD {told}", "x", "x").told == {told}


def test_whom_they_spoke_of_first_is_kept():
    assert assess("DIE TOLD she", "TOLD he").told == {Told.SHE}
    assert assess("DIE TOLD she TOLD he", "TOLD he").told == {Told.HE}, "both at once say nothing"


def test_who_denies_is_asked_less_not_nothing():
    assert levels("DIE", "TOLD denial", "x", "x") == [HIGH, HIGH, HIGH, CONCERN]
    assert levels("DIE", "TOLD denial", "TOLD denial", "x") == [HIGH, HIGH, HIGH, CONCERN]
    assert assess("DIE", "no", answers={0: "ASK"}).told == {Told.DENIAL}


def test_what_only_rules_took_for_grave_is_asked_less_when_the_person_goes_on_about_something_quiet():
    quiet = QUIET

    def after(*turns: str) -> list[Risk]:
        return levels(*turns, encoder=True)

    assert after("DIE BARELY", quiet, quiet) == [HIGH, HIGH, CONCERN], "one question more, then care"
    assert after("DIE BARELY", "x", quiet, quiet) == [HIGH, HIGH, HIGH, CONCERN]
    assert after("DIE", *[quiet] * 4) == [*[HIGH] * STAGES, CONCERN], "the classifier saw it, too"
    assert after("DIE BARELY", "TOLD means", *[quiet] * 2)[2:] == [HIGH, HIGH], "what lies at hand holds"
    assert after("DIE BARELY", quiet, "DIE BARELY", quiet, quiet)[2:] == [HIGH, HIGH, HIGH], (
        "nor is it said twice by chance"
    )
    assert after("NOW BARELY", *[quiet] * 4) == [IMMINENT] * 5
    assert assess("DIE BARELY", quiet, quiet, classifier=False).level is HIGH, (
        "without the classifier nothing is known of it"
    )
    assert levels("DIE BARELY", *[quiet] * 4) == [*[HIGH] * STAGES, CONCERN], "nor enough without the encoder"


def test_who_has_the_means_and_cannot_be_got_at_is_in_danger_this_minute_and_oneself_is_asked():
    assert levels("THEIRS", "TOLD means", "TOLD cut_off") == [HIGH, HIGH, IMMINENT]
    assert levels("THEIRS", "TOLD cut_off", "TOLD means") == [HIGH, HIGH, IMMINENT]
    assert levels("THEIRS", "TOLD means", "x") == [HIGH, HIGH, HIGH]
    assert levels("DIE", "TOLD means", "TOLD cut_off") == [HIGH, HIGH, HIGH]


def test_once_help_is_coming_means_and_time_told_before_are_not_danger_anew():
    assert levels("DIE", "TOLD means", "TOLD soon", "TOLD help", "x")[2:] == [IMMINENT, HIGH, HIGH]
    assert levels("THEIRS", "TOLD means", "TOLD cut_off", "TOLD help", "x")[2:] == [IMMINENT, HIGH, HIGH]


def test_a_new_crisis_after_calm_is_staged_anew():
    calm = ["x"] * (STAGES - 1 + CALM_AFTER_CRISIS)
    assert levels("DIE", *calm, "x", "DIE", "x", "x", "x", "x")[-5:] == [HIGH, HIGH, HIGH, HIGH, CONCERN]
    # the turn that would have been the first free one is itself worrying, then grave
    assert levels("DIE", *calm, "WORRY", "DIE", "x", "x", "x", "x")[-6:] == [CONCERN, HIGH, HIGH, HIGH, HIGH, CONCERN]


def test_a_new_stretch_of_worry_has_its_own_kind():
    calm = ["x"] * (STAGES - 1 + CALM_AFTER_CRISIS)
    assert assess("BEATEN", "x").kind is Kind.ABUSE
    assert assess("BEATEN", *calm, "WORRY").kind is Kind.SELF_HARM
    assert assess("FRIEND", "x", "x", "x", "WORRY").kind is Kind.SELF_HARM
    assert assess("FRIEND", "x", "WORRY").kind is Kind.SOMEONE_ELSE


def test_episodes_count_from_the_first_worrying_turn():
    turns = ["x", "WORRY", "x", "DIE", "x", "x", "x", "x"]
    found = [assess(*turns[: number + 1]).episode for number in range(len(turns))]
    assert found == [None, 0, 1, 2, 3, 4, 5, 6]
    assert assess("WORRY", "x", "x", "x", "x").episode is None
    assert assess("WORRY", "x", "x", "x", "x", "WORRY").episode == 0


def test_a_yes_to_a_direct_question_is_a_disclosure_and_nothing_else_is():
    asked = {0: "ASK"}
    assert assess("WORRY", "yes", answers=asked).level is HIGH
    assert "context.yes-to-direct-question" in assess("x", "yes", answers=asked).last.rules
    assert assess("x", "yes", answers={0: "嗯"}).level is NONE
    assert assess("x", "no", answers=asked).level is NONE
    assert assess("WORRY", "no", answers=asked).level is CONCERN
    assert assess("x", "yes", "yes", answers={0: "ASK", 1: "嗯"}).last.level is NONE


def test_an_answer_that_no_list_holds_is_read_by_the_classifier():
    asked = {0: "ASK"}
    assert assess("x", "NOD", answers=asked).level is HIGH
    assert assess("x", "NOD", answers={0: "嗯"}).level is NONE
    assert assess("x", "SHRUG", answers=asked).level is CONCERN
    assert assess("x", "x", answers=asked).level is NONE
    assert assess("x", "NOD", answers=asked, classifier=False).level is NONE
    assert assess("x", "no GRAVE", answers=asked).level is HIGH  # a no takes nothing back
    assert assess("x", "no FAINT", answers=asked).level is CONCERN


def test_of_a_denial_only_the_rest_is_read_and_only_where_danger_was_asked_about():
    asked = {0: "ASK"}
    assert assess("x", "no", answers=asked).level is NONE
    assert assess("x", "no, x", answers=asked).level is NONE
    assert assess("x", "no, FAINT", answers=asked).level is CONCERN
    assert assess("x", "no, GRAVE", answers=asked).level is HIGH
    assert assess("x", "no, DIE", answers=asked).level is HIGH
    assert assess("x", "no, NOD", answers=asked).level is NONE, "who denied has not said yes"
    assert assess("x", "no, NOD", answers={0: "ASK"}).level is assess("x", "no, NOD", "x", answers=asked).level
    assert assess("x", "no, GRAVE", "x", answers=asked).level is HIGH, "and so it stays when it is an earlier turn"


def test_what_only_the_classifier_sees_adds_up_and_fades():
    assert levels("FAINT", "x", "x") == [CONCERN, CONCERN, NONE], "as does the answer; then a calm turn ends it"
    assert levels("FAINT", "FAINT", "x", "x") == [CONCERN, CONCERN, CONCERN, NONE]
    assert levels("x", "HINT", "HINT")[-2:] == [NONE, CONCERN], "two hints are worry, though neither alone is"
    assert levels("x", "x", "x", "FAINT", "x", "x")[-3:] == [CONCERN, CONCERN, NONE], "as at the beginning"
    assert levels("x", "x", "x", "GRAVE")[-1] is HIGH, "but not where it is sure"
    assert levels("FAINT", "WORRY", "x", "x", "x", "x")[-2:] == [CONCERN, NONE], "what a rule says takes its calm turns"


@pytest.mark.parametrize("moot", [" ", "KIDDING"])
def test_silence_and_taking_back_make_no_worry_less(moot):
    assert levels("FAINT", "FAINT", *[moot] * 5) == [CONCERN] * 7


def test_a_denial_ends_no_care_but_a_calm_turn_after_it_does():
    asked = {0: "ASK"}
    assert assess("FAINT", "no", answers=asked).level is CONCERN
    assert assess("FAINT", "no", "x", answers=asked).level is NONE


def test_a_turn_that_worries_nobody_much_still_brings_no_joke():
    found = assess("x", "x", "x", "HINT")
    assert (found.level, found.calm) == (NONE, 0)


def test_high_sensitivity_also_opens_the_staged_talk_sooner_where_no_rule_speaks():
    assert assess("NEARLY").level is CONCERN
    assert assess("NEARLY", sensitive=True).level is HIGH


def test_the_assistants_words_never_raise_a_level():
    assert assess("x", "x", answers={0: "DIE NOW ASK WORRY GRAVE"}).level is NONE


def test_what_never_calmed_is_not_forgotten_and_talks_of_any_length_end():
    assert assess("DIE", *["KIDDING"] * (REACH - 1)).level is CONCERN
    assert assess("NOW", *["x"] * (REACH - 1)).level is IMMINENT
    assert assess("DIE", *["KIDDING"] * (REACH + RHYTHM)).level is NONE, "all of it is read anew"
    assert assess("TOLD young", *["x"] * (REACH - 2), "DIE").told == {Told.YOUNG}, "nor that they are a child"
    assert assess(*["x"] * 500).level is NONE
    assert assess(*["DIE"] * 500).level is HIGH
    assert assess().level is NONE
    assert assess("").level is NONE


def test_support_lines_come_round_in_worry_that_never_ends():
    """The window slides, the count of an episode must go on being even: else the helpline line is never seen again."""
    found = [assess(*["WORRY"] * count).episode for count in range(1, 80)]
    lines = [number for number, episode in enumerate(found) if episode is not None and episode % 4 == 0]
    assert lines == list(range(0, 79, 4))
    assert found.count(0) == 1, "the direct question is asked once"


def test_calm_turns_are_counted_from_the_last_heavy_or_risky_one():
    assert assess("x").calm > WINDOW
    assert assess("GRIEF").calm == 0
    assert assess("GRIEF", "x", "x").calm == 2
    assert assess("HEAVY", "x").calm == 0 + 1
    assert assess("WORRY", *["x"] * CALM_AFTER_CONCERN).calm == 0
    assert assess("WORRY", *["x"] * CALM_AFTER_CONCERN, "x", "x").calm == 2


def test_scores_stay_in_the_band_of_their_level_and_fade():
    turns = ["DIE", *["x"] * 10]
    risks = [assess(*turns[: number + 1]) for number in range(len(turns))]
    for found in risks:
        assert risk_floor(found.level) <= found.risk <= 1
    faded = [found.risk for found in risks if found.level is CONCERN]
    assert faded == sorted(faded, reverse=True)
    assert risks[-1].risk < 0.5
    assert assess("BOMB").harmful_request >= 0.9
    assert assess("BOMB", "x").harmful_request < 0.5
