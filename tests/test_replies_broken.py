"""Files of replies that cannot be read: it is told plainly which and where, and the last resort names numbers."""

from __future__ import annotations

import re
import shutil
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Decision, Risk, Route
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.host.pipe import PipePipeline
from psylite_pipeline.host.valves import PipeValves
from psylite_pipeline.replies import LANGUAGES, PLACES, REGIONS, Notice, Replies, last_resort
from psylite_pipeline.replies.last_resort import last_notice, last_refusal
from psylite_pipeline.settings import Preferences
from psylite_pipeline.voice import Voice


class Exploding:
    """Valves that cannot be read."""

    @property
    def language(self) -> str:
        raise RuntimeError("broken")


FOLDER = Path(__file__).parent.parent / "knowledge" / "replies"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("helplines.toml", 'number = "12356"', "number = 12356", ["cn-12356", '"number"']),
        ("helplines.toml", 'number = "988"', 'number = "TODO"', ["us-ca-988", '"number"', "TODO", "digits"]),
        (
            "helplines.toml",
            'kind = "youth"',
            'kind = "teen"',
            ["cn-12355", '"kind"', "crisis, emergency, abuse, youth"],
        ),
        ("helplines.toml", 'source = "kch.org.tw"', "", ["tw-1925", '"source"']),
        ("helplines.toml", 'regions = ["SG"]', 'regions = ["XX"]', ["sg-1767", '"regions"']),
        ("helplines.toml", 'line = ["tw-1925", "hk-18111"]', 'line = ["tw-1"]', ["auto", '"line"', "tw-1"]),
        ("crisis.en.toml", 'stage = "means"', 'stage = "mean"', ['"stage"', "means"]),
        ("crisis.en.toml", "{line}", "{hotline}", ['"text"', "{hotline}", "{line}"]),
        ("crisis.en.toml", "[[reply]]", "[[reply]", ["not valid TOML"]),
        ("crisis.zh-Hans.toml", "\nquestion = ", "\nqestion = ", ['"qestion"']),
        ("words.en.toml", "status_slow = ", "status_slo = ", ["[notice]", '"status_slo"']),
        ("words.zh-Hant.toml", "[concern]\ndefault", "[concern]\ndefaul", ["[concern]", '"defaul"']),
        ("words.other.toml", "support = ", "suport = ", ['"suport"']),
    ],
)
def test_a_broken_file_is_told_by_name_place_and_field(
    tmp_path: Path, file: str, old: str, new: str, told: list[str]
) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "replies")
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        Replies.load(folder)
    message = str(caught.value)
    assert [part for part in [file, *told] if part not in message] == [], message


def test_a_missing_or_undecodable_file_is_told(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "replies")
    (folder / "words.en.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(KnowledgeError, match=r"words\.en\.toml: is not UTF-8"):
        Replies.load(folder)
    (folder / "words.en.toml").unlink()
    with pytest.raises(KnowledgeError, match=r"words\.en\.toml: cannot be read"):
        Replies.load(folder)


def test_a_stage_without_replies_is_told(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "replies")
    file = folder / "crisis.zh-Hant.toml"
    kept = [part for part in file.read_text(encoding="utf-8").split("[[reply]]") if 'stage = "time"' not in part]
    file.write_text("[[reply]]".join(kept), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r'crisis\.zh-Hant\.toml: no \[\[reply\]\] with kind "self_harm"'):
        Replies.load(folder)


# -- the last resort


@pytest.mark.parametrize("lang", ["", *LANGUAGES])
@pytest.mark.parametrize("region", ["auto", *REGIONS])
def test_the_last_resort_names_no_number_that_is_not_among_the_helplines(
    replies: Replies, lang: str, region: str
) -> None:
    known = {row.number for row in replies.helplines.rows}
    texts = (last_resort(lang, region), last_refusal(lang), *map(last_notice, Notice))
    named = {number for text in texts for number in re.findall(r"\d[\d -]+\d", text)}
    assert named - known - {"24"} == set(), "24 hours"
    assert named & known


def test_the_last_resort_needs_no_file() -> None:
    for lang, region in product((*LANGUAGES, "", "xx"), (*PLACES, "", "??")):
        text = last_resort(lang, region)
        assert "AI" in text and re.search(r"findahelpline\.com|12356", text)
    assert "12356" in last_resort("", "auto") and "988" in last_resort("", "auto")


@pytest.mark.parametrize("region", ["auto", *(place for place in PLACES if place.startswith("auto."))])
def test_the_last_resort_names_numbers_where_nobody_named_a_place(region: str) -> None:
    assert "12356" in last_resort("zh-Hans", region) and "120" in last_resort("zh-Hans", region)


@pytest.mark.parametrize("lang", ["", *LANGUAGES])
@pytest.mark.parametrize("region", REGIONS)
def test_the_last_resort_for_a_region_names_the_numbers_of_that_region(
    replies: Replies, lang: str, region: str
) -> None:
    there = {row.number for row in replies.helplines.rows if region in row.regions}
    named = set(re.findall(r"\d[\d -]+\d", last_resort(lang, region)))
    assert named <= there
    assert bool(named) is (region != "INTL")
    assert ("我在聽" in last_resort(lang, region)) is (lang == "zh-Hant" or (not lang and region in {"HK", "TW"}))


@pytest.mark.parametrize(
    ("valves", "there", "not_there"),
    [
        (
            {"region": "HK", "language": "zh-Hant"},
            ["18111", "999", "我在聽"],
            ["12356", "1925", "988", "I'm"],
        ),
        ({"region": "GB", "language": "zh-Hant"}, ["116 123", "999", "我在聽"], ["1925", "18111"]),
        ({"region": "US"}, ["988", "我在听", "I'm listening"], ["12356"]),
        ({"language": "en"}, ["988", "116 123"], ["我在听"]),
        ({}, ["12356", "988", "我在听", "I'm listening"], []),
    ],
)
def test_where_everything_fails_the_valves_still_hold(
    valves: dict[str, str], there: list[str], not_there: list[str]
) -> None:
    pipe = PipePipeline(counsellor=lambda: 1 / 0, webhook=lambda: None)
    pipe.valves = PipeValves(**valves)
    shown = "".join(pipe.pipe("", "", [{"role": "user", "content": "DIE"}], {}))
    assert [text for text in there if text not in shown] == []
    assert [text for text in not_there if text in shown] == []


@pytest.mark.parametrize("valves", [None, object(), SimpleNamespace(language=["en"], region={}), Exploding()])
def test_valves_that_are_broken_themselves_leave_the_last_resort(valves: object) -> None:
    pipe = PipePipeline(counsellor=lambda: 1 / 0, webhook=lambda: None)
    pipe.valves = valves
    shown = "".join(pipe.pipe("", "", [{"role": "user", "content": "DIE"}], {}))
    assert "I'm listening" in shown and "findahelpline.com" in shown


def test_crisis_texts_that_fail_leave_the_numbers(replies: Replies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Replies, "crisis", lambda *args, **named: 1 / 0)
    talk = Conversation.from_body({"messages": [{"role": "user", "content": "我不想活了"}]})
    voice = Voice.of(replies, talk, Preferences())
    assert "12356" in voice.crisis(Decision(Route.CRISIS, Risk.HIGH))
