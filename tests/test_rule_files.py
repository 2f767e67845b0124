"""How the rules are read and how they read: broken files, phrases and letters, long and hostile text."""

from __future__ import annotations

import re
import shutil
import time
import tomllib
from pathlib import Path

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Risk
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.risk.normalise import normalise
from psylite_pipeline.risk.rules import lexicon as lexicon_module
from psylite_pipeline.risk.rules.files import read_rulebook
from psylite_pipeline.risk.rules.lexicon import MARKERS, Lexicon
from psylite_pipeline.risk.rules.patterns import Patterns
from psylite_pipeline.settings import bundled

LEXICON = shipped_lexicon()


def level(text: str) -> Risk:
    return max((finding.level for finding in LEXICON.findings(text)), default=Risk.NONE)


def test_danger_is_found_deep_in_a_long_paste_and_soon() -> None:
    text = "今天天气不错，我们去公园走了走。" * 6000 + "我想自杀。" + "晚上吃了面条。" * 600
    started = time.process_time()
    assert level(text) >= Risk.HIGH
    assert time.process_time() - started < 5  # about 0.8 s of processor


@pytest.mark.parametrize(
    "text", ["\0\ud800" * 500, "我想" * 30_000, "a" * 100_000, "他说他" * 20_000, "\u202e死想我", "((((" * 999]
)
def test_reading_never_fails(text: str) -> None:
    assert isinstance(LEXICON.findings(text), tuple)


def test_a_turn_is_searched_once_however_much_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    find = Patterns.find
    monkeypatch.setattr(Patterns, "find", lambda self, text: searched.append(len(text)) or find(self, text))
    LEXICON.read("不，我们去公园走了走。" * 50)
    assert len(searched) == 1


def test_findings_come_gravest_first() -> None:
    levels = [finding.level for finding in LEXICON.findings("活着没意思，我想死，我刚吞了一瓶安眠药")]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] is Risk.IMMINENT


RULE = """
[[rule]]
id = "zh.x"
level = "high"
kind = "self_harm"
match = ["甲乙"]
examples = ["甲乙"]
counterexamples = ["丙"]
"""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (RULE.replace('"high"', '"huge"'), "level"),
        (RULE.replace('"self_harm"', '"selfharm"'), "kind"),
        (RULE.replace('match = ["甲乙"]', "match = []"), "match"),
        (RULE.replace('match = ["甲乙"]', 'match = ["<没有>"]'), "match"),
        (RULE.replace('match = ["甲乙"]', 'match = ["(甲|乙"]'), "match"),
        (RULE.replace('match = ["甲乙"]', 'match = ["(甲|)"]'), "match"),
        (RULE.replace('examples = ["甲乙"]\n', "", 1), "examples"),
        (RULE + 'frames = ["nothing"]', "frames"),
        (RULE + "gap = 900", "gap"),
        (RULE + 'sure = "yes"', "sure"),
        (RULE + "colour = 1", "colour"),
        (RULE + RULE, "id"),
    ],
)
def test_a_broken_file_names_the_rule_and_the_field(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=rf"zh\.x.*{named}"):
        Lexicon.load(tmp_path)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("marker", 'name = "x"\nmatch = ["甲"]\nunles = ["乙"]'),
        (
            "frame",
            'name = "x"\ncue = "x"\nstops = []\nneed = ["x"]\nwhere = "before"\nscope = "text"\nreach = 9\n'
            'kinds = ["self_harm"]\neffect = "drop"',
        ),
    ],
)
def test_a_misspelt_field_that_would_explain_danger_away_is_refused(tmp_path: Path, table: str, text: str) -> None:
    marker = '[[marker]]\nname = "x"\nmatch = ["甲"]\n' if table == "frame" else ""
    (tmp_path / "rules.toml").write_text(f"{RULE}{marker}[[{table}]]\n{text}", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=rf"{table} x: unknown field '(need|unles)'"):
        Lexicon.load(tmp_path)


def test_a_broken_or_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError):
        Lexicon.load(tmp_path)
    (tmp_path / "rules.toml").write_text("= nonsense", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="rules"):
        Lexicon.load(tmp_path)


def test_a_list_of_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text('[lists]\n"果" = ["苹果"]\n', encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"b\.toml: list 果"):
        Lexicon.load(tmp_path)


def test_phrases_know_lists_choices_and_gaps(tmp_path: Path) -> None:
    lists = '[lists]\n"果" = ["苹果", "梨"]\n'
    (tmp_path / "a.toml").write_text(lists + RULE.replace("甲乙", "吃(了|)<果> …4 酸"), encoding="utf-8")
    lexicon = Lexicon(*read_rulebook(tmp_path))
    assert lexicon.findings("吃了苹果很酸")
    assert lexicon.findings("吃梨，酸")
    assert not lexicon.findings("吃梨。酸")
    assert not lexicon.findings("吃梨一二三四五酸")


@pytest.mark.parametrize(
    ("phrase", "found", "missed"),
    [
        ("甲(,|)乙", ["甲乙", "甲，乙", "甲：乙"], ["甲。乙"]),
        ("甲(,|丁)乙", ["甲、乙", "甲丁乙"], ["甲乙"]),
        ("甲(丙|),乙", ["甲，乙", "甲丙，乙"], ["甲乙", "甲丙乙"]),
        ("so (cold|warm) (and |, )wet", ["so cold, wet", "so warm and wet"], ["so cold wet"]),
    ],
)
def test_a_comma_in_a_phrase_is_one_in_the_turn(tmp_path: Path, phrase: str, found: list[str], missed: list[str]):
    """`(,|)` chose between nothing and nothing, and a comma at the edge of a bracket was lost."""
    (tmp_path / "a.toml").write_text(RULE.replace('["甲乙"]', f'["{phrase}"]', 1), encoding="utf-8")
    lexicon = Lexicon(*read_rulebook(tmp_path))
    assert [text for text in found + missed if lexicon.findings(text)] == found


def test_rules_in_traditional_letters_and_full_punctuation_match(tmp_path: Path) -> None:
    """An admin writes as people write; rules are folded as turns are."""
    (tmp_path / "own.toml").write_text(
        '[[rule]]\nid = "own.river"\nlevel = "high"\nkind = "self_harm"\n'
        'match = ["紫河馬來了", "don’t wake the hippo"]\n'
        'examples = ["紫河馬來了"]\ncounterexamples = ["河馬"]\n',
        encoding="utf-8",
    )
    lexicon = Lexicon(*read_rulebook(tmp_path))
    for text in ("紫河馬來了", "紫河马来了", "don't wake the hippo"):
        assert [finding.rule for finding in lexicon.findings(text)] == ["own.river"], text


@pytest.mark.parametrize("place", ["lexicon", "output", "screening"])
def test_every_shipped_file_is_named_so_that_a_missing_one_shows(place: str) -> None:
    """A file that nothing else needs could go without a word, and its rules with it. Name a new one in frames.toml."""
    folder = bundled("knowledge") / "risk" / place
    files = {path.name: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))}
    named = [name for tables in files.values() for name in tables.get("files", ())]
    assert sorted(named) == [name for name in files if name != "frames.toml"]


def test_every_marker_that_the_code_asks_for_is_required() -> None:
    code = Path(lexicon_module.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r'"marker ([^"{]+)"', code)) == MARKERS


@pytest.mark.parametrize("name", ["asked_danger", "denial", "told means", "asks police", "first_person"])
def test_a_marker_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    """A yes to the direct question counted for nothing where the marker that knows the question was renamed."""
    shutil.copytree(bundled("knowledge") / "risk" / "lexicon", tmp_path, dirs_exist_ok=True)
    path = next(path for path in sorted(tmp_path.glob("*.toml")) if f'name = "{name}"\n' in path.read_text("utf-8"))
    path.write_text(path.read_text("utf-8").replace(f'name = "{name}"\n', f'name = "{name} x"\n', 1), "utf-8")
    with pytest.raises(KnowledgeError, match=f"marker '{name}"):
        Lexicon.load(tmp_path)


def test_whole_answers_of_an_unknown_thing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "told.toml").write_text('[whole]\nmean = ["刀"]\n', encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"told\.toml: whole: 'mean'"):
        Lexicon.load(tmp_path)


@pytest.mark.parametrize("place", ["lexicon", "output", "screening"])
def test_every_literal_is_written_as_a_folded_turn_holds_it(place: str) -> None:
    """A phrase is folded piece by piece, a turn as a whole: what only comes about where pieces meet (整整|整瓶) finds
    nothing. Write such a phrase as the turn reads once it is folded."""
    book, spellings = read_rulebook(bundled("knowledge") / "risk" / place)
    named = {
        literal.strip(" ,"): name
        for name, phrases in book.groups()
        for phrase in phrases
        for part in phrase.parts
        for literal in part
    }
    assert [(name, one) for one, name in named.items() if spellings.apply(normalise(one)) != one] == []


def test_words_that_only_meet_are_not_read_as_one() -> None:
    assert LEXICON.fold("他用棍子杀了我") == "他用棍子杀了我"
    assert level("does whatsapp have a self delete timer") is Risk.NONE
    assert level("i will self delete tonight") >= Risk.HIGH
    assert "en.loss.suicide" in {
        finding.rule for finding in LEXICON.findings("I still dream about my friend's suicide")
    }
