"""An admin's own scripts: any layout and encoding read, long ones split, unfit ones refused, written whole or not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import KeywordRules
from test_cli import knowledge, psylite  # noqa: F401  the fixture is used by name

from psylite_pipeline.conversation import marked, marker
from psylite_pipeline.embedding import BundledEncoder
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.humour import importer as importer_module
from psylite_pipeline.humour import wording
from psylite_pipeline.humour.corpus import Snippet, load_corpus
from psylite_pipeline.humour.importer import Importer
from psylite_pipeline.humour.scripts import read_script
from psylite_pipeline.humour.sources import read_source
from psylite_pipeline.humour.splitting import FEWEST, LONGEST, MOST, split
from psylite_pipeline.humour.themes import Themes
from psylite_pipeline.settings import Settings, bundled

THEMES = Themes.load(bundled("knowledge") / "crosstalk")

WATER = [
    "我家那饮水机最近添了个毛病。",
    "饮水机能有什么毛病？",
    "一到半夜它就打嗝，咕咚一声，全家都醒。",
    "那您给它拍拍后背。",
    "拍了，它倒好，连着打了三个。",
    "得，您这饮水机是吃撑了！",
]
LAMP = [
    "我昨天买了一盏声控灯，装在厨房里。",
    "声控灯多方便呀。",
    "方便什么，我得一边切菜一边给它鼓掌。",
    "切个菜您还得捧场。",
    "邻居敲门问我：老张，你家天天看演唱会哪？",
    "您家这灯可真爱听好话！",
]
KITE = [
    "My kite has started to take me for walks on Sundays.",
    "Surely you take the kite out?",
    "I hold the string, but the kite picks the park.",
    "And who decides when you go home?",
    "The kite does. It sits in a tree until I give in.",
    "Goodness, that kite has you well trained!",
]


def labelled(lines: list[str], first: str = "甲：", second: str = "乙：", end: str = "\n") -> str:
    return end.join(f"{(first, second)[at % 2]}{line}" for at, line in enumerate(lines)) + end


def importer_of(tmp_path: Path, **parts) -> Importer:
    given = {"rules": KeywordRules(), "themes": THEMES, "embedder": None, "known": (), **parts}
    return Importer(tmp_path / "own", **given)


def imported(tmp_path: Path, content: str | bytes, name: str = "script.txt", **parts):
    folder = tmp_path / "mine"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return importer_of(tmp_path, **parts).add(folder)


def said(snippet: Snippet) -> list[str]:
    return [line[2:].strip() for line in snippet.lines.split("\n")]


# -- layouts and encodings


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("甲：", "乙："), ("甲:", "乙:"), ("A: ", "B: "), ("A：", "B："), ("0:", "1:"), ("1：", "2："),
        ("**甲**：", "**乙**："),
        ("**甲：**", "**乙：**"), ("- 甲：", "- 乙："), ("> 甲：", "> 乙："), ("【甲】", "【乙】"), ("[A] ", "[B] "),
        ("甲　", "乙　"), ("逗哏：", "捧哏："), ("老李：", "小王："), ("甲（笑）：", "乙："),
        ("甲：（挠头）", "乙：[叹气]"),
        ("甲：\n", "乙：\n"), ("甲\n", "乙\n"), ("\n甲：", "\n乙："), ("Tom: ", "Ann Lee: "),
        ("<b>甲</b>：", "<b>乙</b>："),
        ("3. 甲：", "4. 乙："), ("甲﹕", "乙﹕"), ("\u200b甲：", "\ufeff乙："),
    ],
)  # fmt: skip
def test_usual_layouts_give_the_same_bit(tmp_path, first, second):
    report = imported(tmp_path, labelled(WATER, first, second))
    (made,) = report.snippets
    assert made.lines == labelled(WATER).strip()
    assert (made.language, made.mood, made.hears) == ("zh", "playful", ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_do_not_matter(tmp_path, encoding, end):
    (made,) = imported(tmp_path, labelled(WATER, end=end).encode(encoding)).snippets
    assert said(made) == WATER


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp1252"])
def test_english_gets_its_own_marks(tmp_path, encoding):
    (made,) = imported(tmp_path, labelled(KITE, "TOM: ", "ANN: ").encode(encoding)).snippets
    assert made.language == "en"
    assert made.lines == labelled(KITE, "A: ", "B: ").strip()


ROWS = {
    "text": {"text": labelled(WATER, "0:", "1:"), "title": "半夜"},
    "content": {"content": labelled(WATER)},
    "lines": {"lines": labelled(WATER).splitlines()},
    "bare lines": {"lines": WATER},
    "messages": {"messages": [{"role": ("user", "assistant")[n % 2], "content": t} for n, t in enumerate(WATER)]},
    "conversations": {"conversations": [{"from": "ab"[n % 2], "value": t} for n, t in enumerate(WATER)]},
    "numbers": {str(n): t for n, t in enumerate(WATER)},
    "list": WATER,
    "string": labelled(WATER),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_shapes_of_json(tmp_path, row):
    report = imported(tmp_path, "\n" + json.dumps(row, ensure_ascii=False), "rows.jsonl")
    assert [said(one) for one in report.snippets] == [WATER]
    assert report.entries[0].place.endswith("rows.jsonl:2")


def test_of_a_script_in_one_row_of_json_the_report_names_its_lines(tmp_path):
    row = {"text": f"{labelled(WATER)}\n\n{labelled(LAMP)}"}
    report = imported(tmp_path, json.dumps(row, ensure_ascii=False), "rows.jsonl")
    kept = [entry.place.partition("rows.jsonl")[2] for entry in report.entries if entry.outcome == "kept"]
    middle = len(WATER)
    assert kept == [f":1, lines 1-{middle}", f":1, lines {middle + 1}-{middle + len(LAMP)}"]


def test_exchanges_one_a_row_are_one_script_until_an_empty_line(tmp_path):
    pairs = [
        json.dumps({"0": a, "1": b}) for lines in (WATER, LAMP) for a, b in zip(lines[::2], lines[1::2], strict=True)
    ]
    report = imported(tmp_path, "\n".join([*pairs[:3], "", *pairs[3:]]), "pairs.jsonl")
    assert [said(one) for one in report.snippets] == [WATER, LAMP]


def test_bad_rows_are_named_and_the_rest_is_kept(tmp_path):
    good = json.dumps({"text": labelled(WATER)})
    deep = "[" * 50_000
    report = imported(tmp_path, "\n".join(["{", "3", '{"x": 1}', deep, good, '{"lines": [1, {}]}', "null"]), "r.jsonl")
    assert [entry.first for entry in report.entries if entry.outcome == "refused"] == [1, 2, 3, 4, 6, 7]
    assert len(report.snippets) == 1


def test_titles_scenes_and_what_is_said_of_a_script_are_not_said_aloud(tmp_path):
    head = "# 《半夜打嗝》\n作者：某人\n人物：甲、乙\n\n第一场\n\n"
    text = f"{head}{labelled(WATER)}\n第二场\n\n{labelled(LAMP)}\n## 掌声灯\n\n"
    report = imported(tmp_path, text + labelled(KITE, "A: ", "B: "), "three.md")
    assert [one.title for one in report.snippets] == ["半夜打嗝", "半夜打嗝", "掌声灯"]
    assert [said(one) for one in report.snippets] == [WATER, LAMP, KITE]


def test_one_line_over_several_and_two_speakers_in_one(tmp_path):
    text = labelled(WATER).replace("，咕咚", "，\n    咕咚").replace("\n乙：得", "乙：得")
    assert said(imported(tmp_path, text).snippets[0]) == WATER


def test_a_named_person_inside_a_line_is_no_speaker():
    text = "甲：昨天我爸打电话来。\n乙：说什么？\n甲：\n我爸说：你家的灯怎么老亮着？\n乙：您就关了呗。\n"
    (script,) = read_script(text, "t")
    assert {line.speaker for line in script.lines} == {"甲", "乙"}


# -- splitting

TWO_BITS = f"{labelled(WATER)}\n{labelled(LAMP)}\n甲：散了。\n"


def long_script() -> str:
    between = ["后来呢？", "他又去了，", "为什么呀？", "他也不知道，", "那怎么办？", "接着找呗，"]
    return labelled([*between, *WATER, *between, *LAMP, *between])


def test_a_long_script_is_split_where_something_is_brought_up(tmp_path):
    report = imported(tmp_path, long_script(), embedder=BundledEncoder())
    assert [said(one) for one in report.snippets] == [WATER, LAMP]
    assert [(one.outcome, one.first, one.last) for one in report.entries] == [
        ("split", 1, 30), ("refused", 1, 6), ("kept", 7, 12),
        ("refused", 13, 18), ("kept", 19, 24), ("refused", 25, 30),
    ]  # fmt: skip
    assert all("stands by itself" in entry.what for entry in report.entries if entry.outcome == "refused")


def test_empty_lines_part_bits(tmp_path):
    report = imported(tmp_path, f"{labelled(WATER)}\n{labelled(LAMP)}")
    assert [said(one) for one in report.snippets] == [WATER, LAMP]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*WATER, *LAMP, "对。", "怎么了？", "完" * 500]), max_size=60), st.integers(2, 4))
def test_every_line_is_in_one_piece_and_bits_have_two_speakers_and_a_bits_length(lines, speakers):
    text = "".join(f"{'甲乙丙丁'[at % speakers]}：{line}\n" for at, line in enumerate(lines))
    for script in read_script(text, "t"):
        pieces = split(script, None)
        assert [at for one in pieces for at in range(one.start, one.end)] == list(range(len(script.lines)))
        for one in pieces:
            if not one.why:
                bit = script.lines[one.start : one.end]
                assert FEWEST <= len(bit) <= MOST
                assert len({line.speaker for line in bit}) == 2
                assert sum(len(line.text) for line in bit) <= LONGEST


# -- what is refused


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (labelled(["短。"] * 5), "too short"),
        (labelled(WATER[:3]), "fewer than 4"),
        (labelled(["这句话很长。" * 20] * 11), "no beginning"),
        (labelled([WATER[0] * 12, "嗯。", "对。", "是。"]), "one speech"),
        ("甲：" + "\n甲：".join(WATER), "only one speaker"),
        (labelled(WATER).replace("拍了", "癌了"), "illness and disability: 癌"),
        (labelled(WATER).replace("饮水机", "飲水機").replace("拍了", "殺了"), "death and violence"),
        (labelled(KITE, "A: ", "B: ").replace("trained", "stupid"), "insults: stupid"),
        (labelled(WATER).replace("拍了", "DIE拍了"), "alarming (t.die)"),
        (labelled(WATER).replace("拍了", "WORRY拍了"), "alarming (t.worry)"),
        (labelled(WATER).replace("拍了", "BOMB拍了"), "alarming (t.bomb)"),
        (labelled(WATER).replace("拍了", "GRIEF拍了"), "alarming (t.grief)"),
        (labelled(["Мой чайник каждый вечер поёт песни."] * 3 + ["Правда?"]), "neither Chinese nor English"),
        ("今天天气不错，我们去公园。\n" * 5, "no line begins with a speaker"),
        (bytes(range(256)) * 40, "is no text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "is no text"),
    ],
)  # fmt: skip
def test_what_is_unfit_is_refused_with_a_reason(tmp_path, text, why):
    report = imported(tmp_path, text)
    assert report.snippets == []
    assert why in " | ".join(entry.what for entry in report.entries)
    assert not (tmp_path / "own").exists()


def test_other_kinds_hidden_and_empty_files(tmp_path):
    folder = tmp_path / "mine"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "a.txt").write_text(labelled(WATER), encoding="utf-8")
    (folder / "a.docx").write_bytes(b"PK")
    (folder / "empty.txt").write_bytes(b"")
    report = importer_of(tmp_path).add(folder)
    assert report.files == 2
    assert [entry.path.name for entry in report.entries] == ["a.docx"]


def test_a_large_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("psylite_pipeline.humour.scripts.MAX_SOURCE_BYTES", 10)
    (tmp_path / "a.txt").write_text(labelled(WATER), encoding="utf-8")
    assert "Split the file" in read_source(tmp_path / "a.txt").unread[0].why


def test_three_speakers_make_no_bit(tmp_path):
    text = "".join(f"{'甲乙丙'[at % 3]}：{line}\n" for at, line in enumerate(WATER))
    report = imported(tmp_path, text)
    assert report.snippets == []
    assert "more than two speakers" in report.entries[-1].what


def test_the_same_and_nearly_the_same_is_kept_once(tmp_path):
    nearly = labelled(WATER).replace("三个", "四个").replace("咕咚", "咕嘟")
    report = imported(tmp_path, f"{labelled(WATER)}\n{labelled(WATER, 'A:', 'B:')}\n{nearly}\n{labelled(LAMP)}")
    assert [said(one) for one in report.snippets] == [WATER, LAMP]
    assert [entry.outcome for entry in report.entries if "as good as" in entry.what] == ["refused"] * 2


def test_what_ships_is_not_imported_again(tmp_path):
    shipped = load_corpus([bundled("knowledge") / "crosstalk"]).snippets
    text = "\n\n".join(f"{one.lines}" for one in shipped[:20])
    report = imported(tmp_path, text, known=shipped)
    assert report.snippets == []
    assert sum("as good as en-" in entry.what for entry in report.entries) == 20


def test_different_shipped_snippets_are_not_taken_for_the_same(tmp_path):
    shipped = load_corpus([bundled("knowledge") / "crosstalk"]).snippets
    report = imported(tmp_path, "\n\n".join(one.lines for one in shipped))
    assert [entry for entry in report.entries if "as good as" in entry.what] == []
    assert len(report.snippets) == len(shipped)


# -- what is written


def test_the_shelf_reads_what_was_written_and_the_marker_carries_it(tmp_path):
    odd = [WATER[0] + '\\n """引号""" 和 \\ 斜线', *WATER[1:]]
    report = imported(tmp_path, f"题目：“半夜\\”\n{labelled(odd)}\n{labelled(KITE, 'A: ', 'B: ')}")
    corpus = load_corpus([tmp_path / "own"])
    assert corpus.refused == ()
    assert tuple(replace(one, file="") for one in corpus.snippets) == tuple(report.snippets)
    for one in corpus.snippets:
        assert marked(marker(one.id)) == (one.id,)


def test_importing_twice_changes_nothing_and_a_changed_folder_is_followed(tmp_path):
    (path,) = imported(tmp_path, labelled(WATER)).written
    before = path.stat().st_mtime_ns
    known = load_corpus([tmp_path / "own"]).snippets
    again = imported(tmp_path, labelled(WATER), known=known)
    assert (again.written, path.stat().st_mtime_ns, len(again.snippets)) == ([], before, 1)
    (tmp_path / "mine" / "script.txt").write_text(labelled(LAMP), encoding="utf-8")
    importer_of(tmp_path, known=known).add(tmp_path / "mine")
    assert [said(one) for one in load_corpus([tmp_path / "own"]).snippets] == [LAMP]
    (tmp_path / "mine" / "script.txt").unlink()
    assert importer_of(tmp_path, known=known).add(tmp_path / "mine").written == [path]
    assert list((tmp_path / "own").iterdir()) == []


def test_folders_of_one_name_do_not_overwrite_each_other(tmp_path):
    for parent, lines in (("a", WATER), ("b", LAMP)):
        folder = tmp_path / parent / "相声"
        folder.mkdir(parents=True)
        (folder / "x.txt").write_text(labelled(lines), encoding="utf-8")
        importer_of(tmp_path, known=load_corpus([tmp_path / "own"]).snippets if parent == "b" else ()).add(folder)
    assert len(load_corpus([tmp_path / "own"]).snippets) == 2


def test_large_imports_are_written_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(importer_module, "MAX_FILE_BYTES", 1500)
    report = imported(tmp_path, f"{labelled(WATER)}\n{labelled(LAMP)}\n{labelled(KITE, 'A: ', 'B: ')}")
    assert len(report.written) > 1
    assert {one.id for one in load_corpus([tmp_path / "own"]).snippets} == {one.id for one in report.snippets}
    monkeypatch.undo()
    importer_of(tmp_path).add(tmp_path / "mine")
    assert len(list((tmp_path / "own").iterdir())) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interruption_leaves_the_old_file_whole(tmp_path, monkeypatch, error):
    (path,) = imported(tmp_path, labelled(WATER)).written
    before = path.read_bytes()

    def fails(*_):
        raise error

    monkeypatch.setattr(importer_module.os, "fsync", fails)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else KnowledgeError):
        imported(tmp_path, labelled(LAMP))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text(long_script(), encoding="utf-8")
    dry = importer_of(tmp_path).add(tmp_path / "mine", dry_run=True)
    assert not (tmp_path / "own").exists()
    assert dry.written == []
    assert dry.entries == importer_of(tmp_path).add(tmp_path / "mine").entries


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(KnowledgeError, match="no such folder"):
        importer_of(tmp_path).add(tmp_path / "nowhere")


# -- themes and words


@pytest.mark.parametrize(
    "text", ["Her kids made a stable for the skilled diet coach.", "麻烦大家上床睡觉，他妈妈在芝麻糊里加糖"]
)
def test_words_that_only_look_forbidden_pass(text):
    assert THEMES.found(text) == ""


@pytest.mark.parametrize("text", ["他笑死了", "a FUNERAL", "ｋｉｌｌｉｎｇ", "k.i.l.l", "那個殘廢"])
def test_forbidden_words_are_found_however_they_are_written(text):
    assert THEMES.found(text)


@pytest.mark.parametrize(
    "text", ["x = 1", "[[theme]]\nid = 3", '[[theme]]\nid = "a"', '[[theme]]\nid="a"\nzh=[""]', "["]
)
def test_a_broken_list_of_themes_is_refused(tmp_path, text):
    (tmp_path / "forbidden.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"forbidden\.toml"):
        Themes.load(tmp_path)


def test_topics_are_things_that_are_named_twice():
    assert wording.topics("\n".join(WATER)) == ("饮水机", "毛病")
    assert "kite" in wording.topics("\n".join(KITE))
    assert wording.topics("你知道吗？你不知道。我知道，他也知道。") == ()


# -- the command


@pytest.mark.usefixtures("knowledge")
def test_index_add_reports_writes_and_builds(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "[a].txt").write_text(TWO_BITS, encoding="utf-8")
    dry = psylite("index", "--add", str(tmp_path / "mine"), "--dry-run")
    assert dry.exit_code == 0
    assert "[a].txt:1-6  kept: own-zh-" in dry.stdout
    assert "Nothing was written." in dry.stdout
    assert not Settings.load().index_dir.exists()
    done = psylite("index", "--add", str(tmp_path / "mine"))
    assert "2 snippets kept, 1 scripts split, 1 refused" in done.stdout
    assert "12 zh snippets" in done.stdout
    assert "as it was" in psylite("index", "--add", str(tmp_path / "mine")).stdout
    assert "own-zh-" in psylite("search", WATER[0]).stdout


@pytest.mark.usefixtures("knowledge")
def test_dry_run_alone_says_what_it_needs():
    done = psylite("index", "--dry-run")
    assert done.exit_code == 2
    assert "--add" in done.stderr
