"""Snippets: read with care, found by likeness, never twice in one talk; the index is right or it is built again."""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scripted import (
    HashEncoder,
    KeywordClassifier,
    KeywordRules,
    Talk,
    scripted_counsellor,
    snippet_folder,
    snippet_toml,
)

from psylite_pipeline.answers import Answers
from psylite_pipeline.conversation import Conversation, marked, marker
from psylite_pipeline.errors import EncoderError
from psylite_pipeline.humour import index as index_module
from psylite_pipeline.humour import shelf as shelf_module
from psylite_pipeline.humour.corpus import MAX_FILE_BYTES, load_corpus
from psylite_pipeline.humour.fit import fit
from psylite_pipeline.humour.index import THRESHOLDS, TOPIC_WORD, choose, likeness, open_index, overlap
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.settings import Preferences, bundled


@pytest.fixture
def snippets(tmp_path: Path) -> Path:
    return snippet_folder(tmp_path / "snippets")


def shelf_of(folder: Path, encoder=None) -> Shelf:
    return Shelf([folder], encoder or HashEncoder(), folder.parent / "index")


# -- corpus


def test_the_shipped_snippets_are_whole():
    corpus = load_corpus([bundled("knowledge") / "crosstalk"])
    assert corpus.refused == ()
    assert corpus.by_language()["zh"] >= 60
    assert all(2 <= len(one.lines.split("\n")) <= 14 for one in corpus.snippets)


def refused(tmp_path: Path, text: str | bytes, name: str = "two.toml") -> str:
    """What is said of a second file beside a good one; the good one is always served."""
    folder = snippet_folder(tmp_path / "snippets")
    path = folder / "zh" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    corpus = load_corpus([folder])
    assert {f"s-{number}" for number in range(10)} <= {one.id for one in corpus.snippets}
    assert all(str(path) in sentence for sentence in corpus.refused)
    return " | ".join(corpus.refused)


GOOD = snippet_toml(77)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        ("[[snippet]\n", "line 1"),
        ("x = " + "[" * 20_000, "Correct the file"),
        (GOOD.replace('mood = "gentle"', 'mood = "cruel"'), "`mood`"),
        (GOOD.replace('title = "第77段"', ""), "`title`"),
        (GOOD.replace('topics = ["话题77"]', 'topics = "话题"'), "`topics`"),
        (GOOD.replace('topics = ["话题77"]', "topics = [1]"), "`topics`"),
        (GOOD + 'language = "fr"\n', "`language`"),
        (GOOD + "hears = [1]\n", "`hears`"),
        (GOOD.replace("topics", "topic"), "`topic`"),
        (GOOD.replace("s-77", "s-3"), "'s-3' stands twice"),
        (GOOD.replace("s-77", "第七"), "`id`"),
        (GOOD.replace("s-77", "s_77"), "`id`"),
        (GOOD.replace("s-77", "s" * 81), "`id`"),
        (GOOD.replace("第77句开场", "长" * 3_000), "`lines`"),
        (GOOD.replace("[[snippet]]", "[snippet]"), "[[snippet]]"),
        (GOOD.replace("[[snippet]]", "[[snippets]]"), "[[snippet]]"),
        ("snippet = [3]", "not a table"),
        ("snippet = 3", "[[snippet]]"),
    ],
)
def test_a_bad_snippet_file_is_named_and_the_rest_served(tmp_path, text, said):
    assert said in refused(tmp_path, text)


def test_a_file_too_large_is_not_read(tmp_path):
    assert "MB" in refused(tmp_path, b"#" * (MAX_FILE_BYTES + 1))


def test_a_folder_or_dead_link_named_like_a_file_is_refused(snippets):
    (snippets / "zh" / "folder.toml").mkdir()
    (snippets / "zh" / "dead.toml").symlink_to(snippets / "nowhere")
    corpus = load_corpus([snippets])
    assert len(corpus.snippets) == 10
    assert len(corpus.refused) == 2


def test_a_folder_that_is_not_there_is_named(snippets):
    corpus = load_corpus([snippets, snippets / "missing"])
    assert len(corpus.snippets) == 10
    assert str(snippets / "missing") in corpus.refused[0]


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path):
    assert refused(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()) == ""
    corpus = load_corpus([tmp_path / "snippets"])
    assert (
        next(one for one in corpus.snippets if one.id == "s-77").lines == "甲：第77句开场\n乙：是吗？\n甲：可不是嘛。"
    )


def test_one_bad_entry_leaves_the_others_of_its_file(tmp_path):
    said = refused(tmp_path, GOOD + "\n" + snippet_toml(78, mood="cruel") + "\n" + snippet_toml(79))
    assert "snippet 2" in said
    assert {one.id for one in load_corpus([tmp_path / "snippets"]).snippets} > {"s-77", "s-79"}


def test_the_digest_follows_everything_that_is_found_by(snippets):
    before = load_corpus([snippets]).digest
    assert load_corpus([snippets]).digest == before
    path = snippets / "zh" / "one.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("第3句", "另一句"), encoding="utf-8")
    assert load_corpus([snippets]).digest != before


# -- index: loaded where it fits, built again where anything is amiss


def files(folder: Path) -> dict[str, Path]:
    return {path.suffix: path for path in folder.iterdir()}


def test_an_index_is_built_once_and_then_loaded(snippets):
    first, second = HashEncoder(), HashEncoder()
    built = shelf_of(snippets, first).open()
    loaded = shelf_of(snippets, second).open()
    assert (first.encoded, second.encoded) == (20, 0)
    assert loaded.computed_threshold == built.computed_threshold
    query = first.encode(["第3句开场"])[0]
    assert [(hit.snippet.id, hit.score) for hit in loaded.search(query, language="zh")] == [
        (hit.snippet.id, hit.score) for hit in built.search(query, language="zh")
    ]


def spoil(path: Path, change) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(bytes(data))


def flip(at: int):
    def change(data: bytearray) -> None:
        data[at] ^= 0xFF

    return change


def about(**changed):
    def change(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))

    return change


DAMAGE = {
    "cut": (".faiss", lambda path: path.write_bytes(path.read_bytes()[:-40])),
    "empty": (".faiss", lambda path: path.write_bytes(b"")),
    "gone": (".faiss", lambda path: path.unlink()),
    "a folder": (".faiss", lambda path: (path.unlink(), path.mkdir())),
    "header bit": (".faiss", lambda path: spoil(path, flip(5))),
    "magic": (".faiss", lambda path: spoil(path, flip(0))),
    "a vector's bit": (".faiss", lambda path: spoil(path, flip(-3))),
    "about cut": (".json", lambda path: path.write_text('{"format":')),
    "about a list": (".json", lambda path: path.write_text("[]")),
    "about not text": (".json", lambda path: path.write_bytes(b"\xff\xfe")),
    "about gone": (".json", lambda path: path.unlink()),
    "about deep": (".json", lambda path: path.write_text("[" * 50_000)),
    "another format": (".json", about(format=0)),
    "another encoder": (".json", about(encoder="other")),
    "another corpus": (".json", about(corpus="0" * 64)),
    "no threshold": (".json", about(threshold=None)),
    "threshold out of range": (".json", about(threshold=float("nan"))),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_or_foreign_index_is_built_again(snippets, name):
    good = shelf_of(snippets).open()
    suffix, damage = DAMAGE[name]
    damage(files(snippets.parent / "index")[suffix])
    encoder = HashEncoder()
    again = shelf_of(snippets, encoder).open()
    assert encoder.encoded == 20, "it was not built again"
    assert again.computed_threshold == good.computed_threshold
    query = encoder.encode(["第3句开场"])[0]
    assert again.search(query, language="zh")[0].score == good.search(query, language="zh")[0].score
    if name != "a folder":  # nothing of ours deletes a folder
        last = HashEncoder()
        shelf_of(snippets, last).open()
        assert last.encoded == 0, "what was built was not saved"


def test_the_index_of_another_corpus_of_the_same_size_is_refused(tmp_path):
    """Two servers that share a data folder may leave one's vectors beside the other's description."""
    one, two = snippet_folder(tmp_path / "one"), snippet_folder(tmp_path / "two")
    path = two / "zh" / "one.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("开场", "收尾"), encoding="utf-8")
    index_dir = tmp_path / "index"
    Shelf([one], HashEncoder(), index_dir).open()
    vectors = files(index_dir)[".faiss"].read_bytes()
    Shelf([two], HashEncoder(), index_dir).open()
    files(index_dir)[".faiss"].write_bytes(vectors)
    encoder = HashEncoder()
    Shelf([two], encoder, index_dir).open()
    assert encoder.encoded == 20


def test_a_data_folder_that_cannot_be_written_costs_only_time(snippets, caplog):
    blocked = snippets.parent / "file"
    blocked.write_text("not a folder")
    for _ in range(2):
        encoder = HashEncoder()
        shelf = Shelf([snippets], encoder, blocked / "index")
        assert shelf.find("第3句", None, language="zh", used=frozenset(), asked=True) is not None
        assert encoder.encoded >= 20
    assert "PSYLITE_DATA_DIR" in caplog.text
    assert str(blocked) in caplog.text
    assert blocked.read_text() == "not a folder"


def test_saving_leaves_no_half_written_file(snippets, monkeypatch):
    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    assert shelf_of(snippets).open().corpus.snippets
    monkeypatch.undo()
    assert list((snippets.parent / "index").iterdir()) == []


def test_an_empty_corpus_has_an_index_that_finds_nothing(tmp_path):
    (tmp_path / "none").mkdir()
    for _ in range(2):
        shelf = Shelf([tmp_path / "none"], HashEncoder(), tmp_path / "index")
        assert shelf.find("笑话", None, language="zh", used=frozenset(), asked=True) is None
        assert shelf.shown_in(["<details>x</details>"]) == (frozenset(),)


def test_progress_is_told_while_building(snippets):
    told = []
    shelf_of(snippets).open(lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)


# -- another encoder


def test_another_encoder_gets_an_index_and_a_threshold_of_its_own(snippets):
    small, large = HashEncoder(16), HashEncoder(48)
    one, two = shelf_of(snippets, small).open(), shelf_of(snippets, large).open()
    assert large.encoded == 20
    assert one.computed_threshold != two.computed_threshold
    assert two.search(large.encode(["第3句开场"])[0], language="zh")
    back = HashEncoder(16)
    assert shelf_of(snippets, back).open().computed_threshold == one.computed_threshold
    assert back.encoded == 0, "coming back to an encoder needs no building"


def test_an_encoder_of_the_same_name_and_another_size_gets_a_new_index(snippets):
    shelf_of(snippets, HashEncoder(16, name="same")).open()
    encoder = HashEncoder(48, name="same")
    found = shelf_of(snippets, encoder).find("第3句开场", None, language="zh", used=frozenset(), asked=True)
    assert found is not None


def test_a_measured_threshold_goes_before_the_computed_one(snippets, monkeypatch):
    shelf_of(snippets).open()
    monkeypatch.setitem(THRESHOLDS, "hash-16", {"zh": 0.123})
    opened = shelf_of(snippets).open()
    assert opened.threshold("zh") == 0.123
    assert opened.threshold("en") == opened.computed_threshold


def test_a_threshold_is_reached_by_few_unrelated_pairs(tmp_path):
    corpus = load_corpus([snippet_folder(tmp_path / "many", 60)])
    vectors = HashEncoder(64).encode([key for one in corpus.snippets for key in one.keys])
    threshold = index_module.threshold_of(vectors, corpus)
    firsts = vectors[::2]
    pairs = (firsts @ firsts.T)[np.triu_indices(60, 1)]
    assert np.mean(pairs >= threshold) <= 0.02
    assert threshold <= 1.0


# -- while serving


@pytest.fixture
def always_look(monkeypatch):
    monkeypatch.setattr(shelf_module, "LOOK_AGAIN_SECONDS", -1.0)


@pytest.mark.usefixtures("always_look")
def test_a_changed_file_is_served_without_a_restart(snippets):
    encoder = HashEncoder()
    shelf = shelf_of(snippets, encoder)
    assert shelf.get("s-77") is None
    new = snippets / "zh" / "two.toml"
    new.write_text(GOOD, encoding="utf-8")
    assert shelf.get("s-77") is not None
    assert encoder.encoded == 20 + 2, "only what is new is encoded: a person may be waiting"
    fresh = shelf_of(snippets, HashEncoder()).open()
    query = encoder.encode(["第77句开场"])[0]
    assert hits(shelf, "第77句开场") == fresh.search(query, language="zh")
    new.write_text(GOOD.replace("第77段", "改过的"), encoding="utf-8")
    found = shelf.get("s-77")
    assert found is not None
    assert found.title == "改过的"
    new.unlink()
    assert shelf.get("s-77") is None
    assert len(shelf.open().corpus.snippets) == 10


@pytest.mark.usefixtures("always_look")
def test_nothing_is_read_again_while_nothing_changed(snippets, monkeypatch):
    shelf = shelf_of(snippets)
    first = shelf.open()
    monkeypatch.setattr(shelf_module, "load_corpus", lambda folders: pytest.fail("read again"))
    assert shelf.open() is first


@pytest.mark.usefixtures("always_look")
def test_what_was_served_goes_on_when_a_change_cannot_be_encoded(snippets):
    encoder = HashEncoder()
    shelf = shelf_of(snippets, encoder)
    shelf.open()
    (snippets / "zh" / "two.toml").write_text(GOOD, encoding="utf-8")
    encoder.fails = True
    answer = f"<details>{shelf.get('s-1').lines}</details>"
    assert shelf.shown_in([answer]) == (frozenset({"s-1"}),)
    encoder.fails = False
    assert shelf.get("s-77") is not None


@pytest.mark.usefixtures("always_look")
def test_changed_bad_files_are_named_in_the_log(snippets, caplog):
    shelf = shelf_of(snippets)
    shelf.open()
    (snippets / "zh" / "two.toml").write_text("[[snippet]", encoding="utf-8")
    assert len(shelf.open().corpus.snippets) == 10
    assert "two.toml" in caplog.text


def test_without_an_encoder_there_is_an_error_and_later_an_index(snippets):
    encoder = HashEncoder(fails=True)
    shelf = shelf_of(snippets, encoder)
    with pytest.raises(EncoderError):
        shelf.open()
    encoder.fails = False
    assert shelf.open().corpus.snippets


def test_many_threads_open_one_index(snippets):
    encoder = HashEncoder()
    shelf = shelf_of(snippets, encoder)
    opened: list = []
    threads = [threading.Thread(target=lambda: opened.append(shelf.open())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in opened}) == 1
    assert encoder.encoded == 20


# -- choosing


def hits(shelf: Shelf, text: str):
    return shelf.open().search(shelf.embedder.encode([text])[0], language="zh")


def test_alike_enough_or_nothing(snippets):
    shelf = shelf_of(snippets)
    found = hits(shelf, "第3句开场")
    options = {"text": "第3句开场", "used": frozenset(), "gentle_only": False}
    assert choose(found, threshold=0.2, **options) is not None
    assert choose(found, threshold=1.1, **options) is None


def test_a_topic_word_that_was_said_adds_to_the_likeness(snippets):
    shelf = shelf_of(snippets)
    text = "说到话题7，今天"
    hit = next(one for one in hits(shelf, text) if one.snippet.id == "s-7")
    assert overlap(hit.snippet, text) == 1
    assert likeness(hit, text) == pytest.approx(hit.score + TOPIC_WORD)
    options = {"text": text, "used": frozenset(), "gentle_only": False}
    assert choose([hit], threshold=hit.score + TOPIC_WORD / 2, **options) is hit
    assert choose([hit], threshold=hit.score + TOPIC_WORD * 2, **options) is None


def test_one_letter_topics_tell_nothing(snippets):
    snippet = replace(load_corpus([snippets]).snippets[0], topics=("的", "饭"))
    assert overlap(snippet, "的饭") == 0


def test_used_ones_are_passed_over_and_the_language_is_kept(tmp_path):
    folder = snippet_folder(tmp_path / "snippets", 3)
    (folder / "en").mkdir()
    (folder / "en" / "e.toml").write_text(snippet_toml(0, id="e-0"), encoding="utf-8")
    shelf = shelf_of(folder)
    used: set[str] = set()
    for _ in range(3):
        hit = shelf.find("第1句", None, language="zh-Hant", used=frozenset(used), asked=True)
        assert hit is not None
        assert hit.snippet.language == "zh"
        assert hit.snippet.id not in used
        used.add(hit.snippet.id)
    assert shelf.find("第1句", None, language="zh", used=frozenset(used), asked=True) is None
    found = shelf.find("第1句", None, language="en", used=frozenset(), asked=True)
    assert found is not None
    assert found.snippet.id == "e-0"


def test_who_asks_gets_a_gentle_one_even_if_a_silly_one_is_nearer(tmp_path):
    folder = tmp_path / "snippets"
    (folder / "zh").mkdir(parents=True)
    text = snippet_toml(1, mood="silly", line="讲个笑话") + "\n" + snippet_toml(2, line="完全无关的别的内容")
    (folder / "zh" / "a.toml").write_text(text, encoding="utf-8")
    shelf = shelf_of(folder)
    asked = "甲：讲个笑话\n乙：是吗？\n甲：可不是嘛。"
    assert hits(shelf, asked)[0].snippet.id == "s-1"
    hit = shelf.find(asked, None, language="zh", used=frozenset(), asked=True)
    assert hit is not None
    assert hit.snippet.id == "s-2"


def test_who_asks_gets_one_among_very_many_of_another_language(tmp_path):
    """The nearest rows may all be in the other language or used; the gentle one far away must still be found."""
    folder = snippet_folder(tmp_path / "snippets", 450)
    path = folder / "zh" / "one.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("是吗？\n", "tell me a joke\n"), encoding="utf-8")
    (folder / "en").mkdir()
    (folder / "en" / "e.toml").write_text(snippet_toml(0, id="e-0", line="zzzz qqqq"), encoding="utf-8")
    hit = shelf_of(folder).find("tell me a joke", None, language="en", used=frozenset(), asked=True)
    assert hit is not None
    assert hit.snippet.id == "e-0"


# -- fit


def assessed(*turns: str):
    talk = Conversation.from_body({"messages": [{"role": "user", "content": turn} for turn in turns]})
    return Assessor(KeywordRules(), KeywordClassifier()).assess(talk, None)


def opened(turns, shown=(), **preferences) -> bool:
    return fit(assessed(*turns), [frozenset(ids) for ids in shown], Preferences(**preferences)).open


def test_a_cheerful_turn_and_a_request_open_and_a_dull_one_does_not():
    assert opened(["FUN"])
    assert opened(["JOKE"])
    assert not opened(["x"])
    assert not opened(["FUN JOKE"], humour=False)


@pytest.mark.parametrize("last", ["FUN", "JOKE", "FUN JOKE KIDDING"])
@pytest.mark.parametrize("heavy", ["DIE", "NOW", "WORRY", "FRIEND", "GRIEF", "HEAVY", "FAINT", "GRAVE"])
def test_nothing_opens_before_the_calm_turns_have_passed(heavy, last):
    for calm in range(3):
        assert not opened([heavy, *["x"] * calm, last]), calm
    judged = fit(assessed(heavy, last), [], Preferences())
    assert judged.score <= 0.05


def test_grief_opens_again_after_exactly_the_calm_turns():
    for wanted in (1, 4, 20):
        turns = ["GRIEF", *["x"] * (wanted - 2)] if wanted > 1 else ["GRIEF"]
        assert not opened([*turns, "JOKE"] if wanted > 1 else ["GRIEF JOKE"], calm_turns=wanted)
        assert opened(["GRIEF", *["x"] * (wanted - 1), "JOKE"], calm_turns=wanted)


def test_a_harmful_request_closes():
    assert not opened(["BOMB FUN JOKE"])
    assert not opened(["BAD FUN JOKE"])


@pytest.mark.parametrize(("since", "open_"), [(0, True), (1, False), (2, False), (3, True)])
def test_humour_waits_from_one_snippet_to_the_next(since, open_):
    shown = [set(), {"a"}, *[set()] * (since - 1)] if since else [set(), set()]
    assert opened(["FUN"], shown, humour_every=3) is open_
    assert opened(["JOKE"], shown, humour_every=3), "who asks does not wait"


# -- never twice in one talk


@pytest.mark.parametrize("shown", [True, False])
def test_none_twice_in_one_talk_shown_or_hidden(tmp_path, shown):
    talk = Talk(scripted_counsellor(tmp_path), Preferences(show_snippet=shown))
    seen = []
    for _ in range(10):
        talk.say("来个JOKE")
        assert talk.route == "humour"
        assert ("<details>" in talk.shown) is shown
        assert ("(psylite " in talk.shown) is not shown
        seen += talk.decision.snippets
    assert len(set(seen)) == 10
    assert talk.say("来个JOKE").route == "plain", "all are used"


def test_a_snippet_with_angle_brackets_is_known_again(tmp_path):
    folder = snippet_folder(tmp_path / "snippets", 1)
    (folder / "zh" / "two.toml").write_text(snippet_toml(77, line="一 < 二 <b>吗</b>"), encoding="utf-8")
    shelf = shelf_of(folder, HashEncoder())
    talk = Talk(scripted_counsellor(tmp_path, shelf=shelf))
    seen = [talk.say("来个JOKE").decision.snippets for _ in range(2)]
    assert set(seen) == {("s-0",), ("s-77",)}
    assert talk.say("来个JOKE").decision.snippets == ()


def test_two_snippets_that_begin_alike_are_told_apart(tmp_path):
    folder = snippet_folder(tmp_path / "snippets", 1)
    text = snippet_toml(1, line="您吃了吗") + "\n" + snippet_toml(2, line="您吃了吗").replace("可不是嘛", "另一个结尾")
    (folder / "zh" / "one.toml").write_text(text, encoding="utf-8")
    talk = Talk(scripted_counsellor(tmp_path, shelf=shelf_of(folder)))
    assert {talk.say("来个JOKE").decision.snippets for _ in range(2)} == {("s-1",), ("s-2",)}


def test_snippets_are_known_again_in_whatever_form_the_host_keeps_the_answer(snippets):
    shelf = shelf_of(snippets)
    snippet = shelf.get("s-3")
    assert snippet is not None
    shown = (
        "好。\n\n<details>\n<summary>相声一段：第3段</summary>\n\n"
        + "\n\n".join(snippet.lines.split("\n"))
        + "\n\n</details>"
    )
    for answer in (shown, shown.replace("\n\n", "\r\n\r\n"), "好。" + marker("s-3"), "<think>x</think>" + shown):
        assert shelf.shown_in([answer, "别的"]) == (frozenset({"s-3"}), frozenset())
    assert marked("好。" + marker("s-3")) == ("s-3",)


def test_the_model_never_sees_earlier_snippets_or_markers(tmp_path):
    from scripted import ScriptedModel

    for shown in (True, False):
        model = ScriptedModel("好呀。")
        talk = Talk(scripted_counsellor(tmp_path, model), Preferences(show_snippet=shown))
        talk.say("来个JOKE").say("x")
        history = "".join(message["content"] for message in model.calls[-1][1:])
        assert "好呀。" in history
        for trace in ("psylite", "details", "甲：", "句开场"):
            assert trace not in history


def test_a_snippet_that_vanished_leaves_an_answer(tmp_path):
    counsellor = scripted_counsellor(tmp_path)
    conversation = Conversation.from_body({"messages": [{"role": "user", "content": "来个JOKE"}]})
    decision = replace(counsellor.decide(conversation), snippets=("gone",))
    assert "我在听" in "".join(piece.text for piece in counsellor.reply(conversation, decision))
    assert counsellor.guidance(conversation, decision, Preferences()) == ""


def test_a_shelf_that_fails_after_the_decision_leaves_an_answer(tmp_path):
    class Gone:
        embedder = HashEncoder()

        def get(self, snippet_id):
            raise EncoderError("gone")

    good = scripted_counsellor(tmp_path)
    conversation = Conversation.from_body({"messages": [{"role": "user", "content": "来个JOKE"}]})
    decision = good.decide(conversation)
    assert decision.snippets
    broken = scripted_counsellor(tmp_path, shelf=Gone())
    assert "我在听" in "".join(piece.text for piece in broken.reply(conversation, decision))
    assert broken.guidance(conversation, decision, Preferences()) == ""


def test_logs_of_the_shelf_name_files_and_no_words(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    talk = Talk(scripted_counsellor(tmp_path, shelf=shelf_of(snippet_folder(tmp_path / "x"), HashEncoder(fails=True))))
    talk.say("紫色河马来个JOKE")
    assert "紫色河马" not in caplog.text


def test_answers_quote_a_snippet_line_by_line():
    assert Answers is not None
    from psylite_pipeline.answers import _quoted

    assert _quoted("甲：一\n乙：<b>") == "甲：一\n\n乙：＜b>"


def test_the_index_files_are_private_to_no_one_but_hold_no_words(snippets):
    shelf_of(snippets).open()
    for path in (snippets.parent / "index").iterdir():
        assert "开场".encode() not in path.read_bytes()
        assert os.access(path, os.R_OK)


def test_open_index_can_be_called_without_a_shelf(snippets, tmp_path):
    corpus = load_corpus([snippets])
    assert open_index(corpus, HashEncoder(), tmp_path / "elsewhere").corpus is corpus
