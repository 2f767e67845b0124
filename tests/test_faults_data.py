"""A data file is broken: it is named, the shipped one stands in, and danger is heard whatever is left."""

from __future__ import annotations

import codecs
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from scripted import Talk

from psylite_pipeline import opening
from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.unfit import UnfitWords
from psylite_pipeline.output_check import OutputCheck
from psylite_pipeline.prompt import Prompts
from psylite_pipeline.replies import Replies
from psylite_pipeline.risk.classifier import Classifier
from psylite_pipeline.risk.last_resort import LastResortLexicon
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.settings import Settings

KNOWLEDGE = Settings.load().knowledge_dir

READERS = {
    "risk/lexicon": (Lexicon.load, opening.open_lexicon),
    "risk/classifier": (Classifier.load, opening.open_classifier),
    "risk/output": (OutputCheck.load, opening.open_output_check),
    "replies": (Replies.load, opening.open_replies),
    "prompts": (Prompts.load, opening.open_prompts),
}
LOADS = {folder: load for folder, (load, _) in READERS.items()} | {"risk/screening": UnfitWords.load}
FILES = [
    (folder, str(path.relative_to(KNOWLEDGE / folder)))
    for folder in LOADS
    for path in sorted((KNOWLEDGE / folder).rglob("*"))
    if path.suffix in {".toml", ".npz", ".json"}
]


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of our data files; each test breaks one and mends it again."""
    target = tmp_path_factory.mktemp("knowledge") / "knowledge"
    return shutil.copytree(KNOWLEDGE, target, ignore=shutil.ignore_patterns("turns"))


@contextmanager
def broken(path: Path):
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[: len(whole) // 2] + b'\n"""\x00\xff')
        yield
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_broken_data_file_is_named(copied, folder, name):
    with broken(copied / folder / name), pytest.raises(KnowledgeError, match=Path(name).stem):
        LOADS[folder](copied / folder)


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_an_emptied_data_file_is_named(copied, folder, name):
    path = copied / folder / name
    whole = path.read_bytes()
    try:
        path.write_bytes(b"")
        with pytest.raises(KnowledgeError, match=Path(name).stem):
            LOADS[folder](copied / folder)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_missing_data_file_is_an_error(copied, folder, name):
    path = copied / folder / name
    aside = path.replace(copied / path.name)
    try:
        with pytest.raises(KnowledgeError):
            LOADS[folder](copied / folder)
    finally:
        aside.replace(path)


@pytest.mark.parametrize("folder", ["risk/lexicon", "risk/output", "risk/screening", "replies", "prompts", "crosstalk"])
def test_a_mark_and_line_ends_of_windows_are_no_fault(tmp_path, folder):
    target = shutil.copytree(KNOWLEDGE / folder, tmp_path / "copy")
    for path in target.rglob("*.toml"):
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    if folder == "crosstalk":
        found, shipped = load_corpus([target]), load_corpus([KNOWLEDGE / folder])
        assert not found.refused
        assert found.digest == shipped.digest
    else:
        LOADS[folder](target)


@pytest.mark.parametrize("folder", READERS)
def test_the_shipped_files_stand_in_for_a_broken_one(copied, told, caplog, folder):
    name = next(name for place, name in FILES if place == folder)
    with broken(copied / folder / name):
        part = READERS[folder][1](Settings.load(knowledge_dir=copied))
    assert part is not None
    assert not isinstance(part, LastResortLexicon)
    assert Path(name).stem in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
    told(f"broken file in {folder}", "nothing of it: the shipped file stands in", caplog.text)


# Whole files and good TOML, and yet not what is read there. Each is written over a file of the folder, or beside its
# files.
NESTED = "deep = " + "[" * 4000 + "]" * 4000
WRONG_SHAPES = [
    *(("risk/lexicon", "own.toml", text) for text in (
        'kept = ["(a|b"]', '[rewrite]\n"死" = ["(a|b"]', 'rewrite = ["x"]', "lists = 3", 'lists = ["x"]', "watched = 3",
        '[rule]\nid = "x"', 'rule = ["x"]', '[marker]\nname = "x"', '[frame]\nname = "x"', NESTED,
        '[[rule]]\nid = "x"\nlevel = "none"\nsign = ["anger"]',
    )),
    ("risk/output", "own.toml", '[rule]\nid = "x"'),
    ("risk/classifier", "classifier.json", "[" * 100_000),
    ("risk/classifier", "classifier.json", '{"format": 3, "heads": 3}'),
    ("replies", "words.en.toml", NESTED),
    ("replies", "words.en.toml", "notice = 3"),
    ("prompts", "en.toml", NESTED),
    ("prompts", "en.toml", "care = 3"),
]  # fmt: skip


@pytest.fixture
def misshapen(copied, request):
    """A folder in which one file has a wrong shape, for the time of a test; with it, where and which."""
    folder, name, text = request.param
    path = copied / folder / name
    whole = path.read_bytes() if path.exists() else None
    path.write_text(text, encoding="utf-8")
    yield copied, folder, path.stem
    path.unlink() if whole is None else path.write_bytes(whole)


SHAPES = pytest.mark.parametrize(
    "misshapen", WRONG_SHAPES, indirect=True, ids=[str(n) for n in range(len(WRONG_SHAPES))]
)


@SHAPES
def test_a_file_of_a_wrong_shape_is_named(misshapen):
    knowledge, folder, stem = misshapen
    with pytest.raises(KnowledgeError, match=stem):
        LOADS[folder](knowledge / folder)


def test_the_shipped_files_stand_in_where_reading_fails_in_a_way_nobody_foresaw(copied, caplog, monkeypatch):
    class Odd(Exception):
        """No error of ours."""

    for folder, (load, opened) in READERS.items():

        def fails_there(kind, path, load=load):
            if path.is_relative_to(copied):
                raise Odd("secret words")
            return load(path)

        monkeypatch.setattr(load.__self__, "load", classmethod(fails_there))
        part = opened(Settings.load(knowledge_dir=copied))
        assert type(part) is load.__self__, folder
        assert str(copied / folder) in caplog.text
    assert "secret words" not in caplog.text


def test_one_misspelt_line_of_an_admins_own_leaves_the_shipped_rules(copied, monkeypatch):
    own = copied / "risk" / "lexicon" / "own.toml"
    own.write_text('kept = ["(a|b"]', encoding="utf-8")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    try:
        counsellor = opening.open_counsellor(Settings.load(knowledge_dir=copied))
    finally:
        own.unlink()
    assert Talk(counsellor).say("我不想活了").route == "crisis"
    assert Talk(counsellor).say("今天工作有点累").route == "plain"


def test_with_every_data_file_broken_danger_is_still_heard_and_answered(tmp_path, monkeypatch, told, caplog):
    wrong = shutil.copytree(KNOWLEDGE, tmp_path / "knowledge", ignore=shutil.ignore_patterns("turns"))
    for path in wrong.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\x00")
    monkeypatch.setattr(opening, "bundled", lambda name: wrong)
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    counsellor = opening.open_counsellor(Settings.load(knowledge_dir=wrong))
    for words, number in (("我不想活了", "12356"), ("I want to kill myself", "988")):
        talk = Talk(counsellor).say(words)
        assert talk.route == "crisis"
        assert number in talk.shown
    assert Talk(counsellor).say("今天有点累").shown
    told("every data file broken, in a crisis", Talk(counsellor).say("我不想活了").shown, caplog.text)


OTHERS = [rule for rule in Lexicon.load(KNOWLEDGE / "risk" / "lexicon").rules if rule.id.startswith("other.")]


@pytest.mark.parametrize("said", [example for rule in OTHERS for example in rule.examples])
def test_the_last_resort_knows_plain_words_of_dying_in_every_language(said):
    (found,) = LastResortLexicon().findings(said)
    assert (found.level, found.kind, found.sure) == (Risk.HIGH, Kind.SELF_HARM, True)


@pytest.mark.parametrize("said", ["他又打我了，我好怕", "他說要殺了我", "My husband hits me"])
def test_the_last_resort_knows_violence(said):
    (found,) = LastResortLexicon().findings(said)
    assert (found.level, found.kind) == (Risk.HIGH, Kind.ABUSE)


@pytest.mark.parametrize("said", ["今天有点累", "他给我打电话了", "no quiero comer", "Ich will nach Hause"])
def test_the_last_resort_lets_plain_words_pass(said):
    assert LastResortLexicon().findings(said) == ()
