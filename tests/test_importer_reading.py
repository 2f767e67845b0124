"""An admin's own scripts as they are read: any layout and encoding, long ones split where something begins."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_scripts import KITE, LAMP, WATER, imported, importer_of, labelled, long_script, said

from psylite_pipeline.embedding import BundledEncoder
from psylite_pipeline.humour.scripts import read_script
from psylite_pipeline.humour.splitting import FEWEST, LONGEST, MOST, split
from psylite_pipeline.humour.wording import opening_of

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
        ("甲\t", "乙\t"), ("Tom\t", "Ann Lee\t"), ("A - ", "B - "), ("甲 —— ", "乙 —— "), ("TOM – ", "ANN – "),
        ("ALGERNON. ", "LADY BRACKNELL. "), ("MR. O'NEIL. [Sits down.] ", "LANE. "),
        ("O'Neil: ", "Smith-Jones: "), ("Mr. O’Neil: ", "Dr. Smith: "), ("Anne-Marie: ", "Mrs Smith-Jones: "),
        ("| A | ", "| B | "), ("| Speaker | Line |\n|---|:---:|\n| A | ", "| **B** | "),
        ("A: *whispers* ", "B: *sighs loudly* "),
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
    "messages": {"messages": [{"role": "ab"[n % 2], "content": t} for n, t in enumerate(WATER)]},
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


@pytest.mark.parametrize("fields", [("speaker", "text"), ("role", "content"), ("character", "line"), ("name", "value")])
@pytest.mark.parametrize("whole", [True, False])
def test_lines_one_a_row_are_one_script(tmp_path, fields, whole):
    rows = [dict(zip(fields, pair, strict=True)) for pair in zip(["Tom", "Ann"] * 3, WATER, strict=True)]
    text = json.dumps(rows) if whole else "\n".join(map(json.dumps, rows))
    (made,) = imported(tmp_path, text, "lines.json" if whole else "lines.jsonl").snippets
    assert said(made) == WATER


CHAT = [{"role": ("user", "assistant")[n % 2], "content": t} for n, t in enumerate(WATER)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps([{"messages": [{"role": "system", "content": "Be kind."}, *CHAT]}])),
        ("a.jsonl", "\n".join(map(json.dumps, CHAT))),
        ("a.json", json.dumps({"turns": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]})),
        ("a.txt", labelled(WATER, "User: ", "Assistant: ")),
        ("a.txt", labelled(WATER, "用户：", "助手：")),
    ],
)  # fmt: skip
def test_a_talk_with_a_chatbot_is_nobodys_script(tmp_path, name, text):
    report = imported(tmp_path, text, name)
    assert report.snippets == []
    assert [entry.what for entry in report.entries] == ["is a talk with a chatbot, not a script."]


SUBTITLES = (
    "1\n00:00:01,000 --> 00:00:03,000\n- Where's the car?\n- I sold it.\n\n2\n00:00:03,500 --> 00:00:05,000\n- Oh?\n"
)


@pytest.mark.parametrize("name", ["film.srt", "film.SRT", "film.txt"])
def test_subtitles_get_a_sentence_of_their_own(tmp_path, name):
    (entry,) = imported(tmp_path, SUBTITLES, name).entries
    assert "subtitles name no speakers. Write A: and B:" in entry.what


def test_emphasis_is_no_stage_direction(tmp_path):
    lines = [KITE[0].replace("My kite", "*My* kite"), KITE[1].replace("you take", "*you* take"), *KITE[2:]]
    assert said(imported(tmp_path, labelled(lines, "A: ", "B: ")).snippets[0]) == KITE


def test_bad_rows_are_named_and_the_rest_is_kept(tmp_path):
    good = json.dumps({"text": labelled(WATER)})
    deep = "[" * 50_000
    report = imported(tmp_path, "\n".join(["{", "3", '{"x": 1}', deep, good, '{"lines": [1, {}]}', "null"]), "r.jsonl")
    assert [entry.first for entry in report.entries if entry.outcome == "refused"] == [1, 2, 3, 4, 6, 7]
    assert len(report.snippets) == 1


def test_lines_that_no_speaker_says_are_reported_and_spoil_no_bit_before_them(tmp_path):
    bit = [
        "那个水壶每天早上都要响上好一阵子。", "它响什么？", "它说水开了，叫我去接电话。",
        "水壶会说话？", "会说不会听，跟它讲道理没用。", "它说了您得去关火。",
    ]  # fmt: skip
    odd = "".join(f"（{'甲乙'[n % 2]}） {line}\n" for n, line in enumerate(LAMP))
    bare = "".join(f"{'甲乙'[n % 2]}{line}\n" for n, line in enumerate(["灯亮了。", "亮了吗？"] * 3))
    text = f"{labelled(bit)}\n\n{odd}\n\n{bare}\n\n{labelled(WATER)}\n昨天说到这里，大家都很高兴。\n"
    report = imported(tmp_path, text)
    assert [said(one) for one in report.snippets] == [bit, WATER]
    unread = [(one.first, one.last) for one in report.entries if "no line begins with a speaker" in one.what]
    assert unread == [(9, 14), (17, 22), (32, 32)]


def test_titles_scenes_and_what_is_said_of_a_script_are_not_said_aloud(tmp_path):
    head = "# 《半夜打嗝》\n作者：某人\n人物：甲、乙\n\n第一场\n\n"
    text = f"{head}{labelled(WATER)}\n第二场\n\n{labelled(LAMP)}\n## 掌声灯\n\n"
    report = imported(tmp_path, text + labelled(KITE, "A: ", "B: "), "three.md")
    assert [one.title for one in report.snippets] == ["半夜打嗝", "半夜打嗝", "掌声灯"]
    assert [said(one) for one in report.snippets] == [WATER, LAMP, KITE]


def test_without_a_title_a_bit_is_called_as_it_opens(tmp_path):
    report = imported(tmp_path, f"{labelled(KITE, 'A: ', 'B: ')}\n{labelled(WATER)}", "json_msgs.txt")
    assert [one.title for one in report.snippets] == [
        "My kite has started to take me for walks",
        "我家那饮水机最近添了个毛病",
    ]
    assert opening_of("Mr. Smith has gone.") == "Mr. Smith has gone"
    assert opening_of("对，我去过。") == "对，我去过"


def test_one_line_over_several_and_two_speakers_in_one(tmp_path):
    text = labelled(WATER).replace("，咕咚", "，\n    咕咚").replace("\n乙：得", "乙：得")
    assert said(imported(tmp_path, text).snippets[0]) == WATER


def test_a_line_without_a_speaker_behind_the_end_of_a_sentence_is_joined_and_told_of(tmp_path):
    text = labelled(WATER).replace("，咕咚", "，\n咕咚") + "今天就到这里\n谢谢大家\n"
    report = imported(tmp_path, text)
    assert said(report.snippets[0]) == [*WATER[:-1], f"{WATER[-1]}今天就到这里谢谢大家"]
    assert report.entries[0].what.endswith("(joined, though it names no speaker: line 8, 9)")


def test_a_named_person_inside_a_line_is_no_speaker():
    text = "甲：昨天我爸打电话来。\n乙：说什么？\n甲：\n我爸说：你家的灯怎么老亮着？\n乙：您就关了呗。\n"
    (script,) = read_script(text, "t").scripts
    assert {line.speaker for line in script.lines} == {"甲", "乙"}


# -- splitting


def test_a_long_script_is_split_where_something_is_brought_up(tmp_path):
    report = imported(tmp_path, long_script(), embedder=BundledEncoder())
    assert [said(one) for one in report.snippets] == [WATER, LAMP]
    assert [(one.outcome, one.first, one.last) for one in report.entries] == [
        ("split", 1, 30), ("refused", 1, 6), ("kept", 7, 12),
        ("refused", 13, 18), ("kept", 19, 24), ("refused", 25, 30),
    ]  # fmt: skip
    assert all("stands by itself" in entry.what for entry in report.entries if entry.outcome == "refused")


@pytest.mark.parametrize(
    ("last", "ends"),
    [("得，您这饮水机是吃撑了！", True), ("缺德不缺德呀，您这饮水机？", False), ("看来您这饮水机缺德。", False),
     ("好比说您那缺德的饮水机。", False)],
)  # fmt: skip
def test_a_bit_does_not_end_on_a_question_or_on_what_leads_on(tmp_path, last, ends):
    before = ["后来呢？", "他又去了，", "为什么呀？", "他也不知道，", "那怎么办？", "接着找呗，"]
    report = imported(tmp_path, labelled([*before, *WATER[:-1], last, *before]), embedder=BundledEncoder())
    assert ([said(one)[-1] for one in report.snippets] == [last]) is ends


def test_one_letter_amid_the_lines_is_an_answer_and_two_are_lost_marks(tmp_path):
    one = [*WATER[:2], "选择题我改了一道，B又孤零零的。", *WATER[3:]]
    two = [*WATER[:2], "那不行，A您别走。那好，B您等我一会儿。", *WATER[3:]]
    assert len(imported(tmp_path, labelled(one)).snippets) == 1
    assert [entry.what for entry in imported(tmp_path, labelled(two)).entries] == ["a speaker's mark inside the lines"]


def test_empty_lines_part_bits(tmp_path):
    report = imported(tmp_path, f"{labelled(WATER)}\n{labelled(LAMP)}")
    assert [said(one) for one in report.snippets] == [WATER, LAMP]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*WATER, *LAMP, "对。", "怎么了？", "完" * 500]), max_size=60), st.integers(2, 4))
def test_every_line_is_in_one_piece_and_bits_have_two_speakers_and_a_bits_length(lines, speakers):
    text = "".join(f"{'甲乙丙丁'[at % speakers]}：{line}\n" for at, line in enumerate(lines))
    for script in read_script(text, "t").scripts:
        pieces = split(script, None)
        assert [at for one in pieces for at in range(one.start, one.end)] == list(range(len(script.lines)))
        for one in pieces:
            if not one.why:
                bit = script.lines[one.start : one.end]
                assert FEWEST <= len(bit) <= MOST
                assert len({line.speaker for line in bit}) == 2
                assert sum(len(line.text) for line in bit) <= LONGEST


ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "big5")
LAYOUT = st.sampled_from(
    ["甲：", "乙：", "A: ", "- ", "【甲】", "> ", "# ", "**", "\n", "\n\n", "\t", "|", '"', "{", "[", ":"]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["messages", "lines", "role", "content", "text", "title", "x"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)
FILES = (
    st.binary(max_size=600)
    | st.tuples(st.lists(LAYOUT | st.text(max_size=30), max_size=40), st.sampled_from(ENCODINGS)).map(
        lambda said: "".join(said[0]).encode(said[1], "ignore")
    )
    | st.lists(JSON_VALUES, max_size=6).map(lambda rows: "\n".join(json.dumps(row) for row in rows).encode())
    | JSON_VALUES.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | st.integers(1, 3_000).map(lambda deep: b"[" * deep + b"]" * deep)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, st.sampled_from([".txt", ".md", ".jsonl", ".json", "", ".srt"]))
def test_any_bytes_end_in_snippets_or_in_sentences(tmp_path, content, kind):
    path = tmp_path / f"scripts{kind}"
    path.write_bytes(content)
    try:
        report = importer_of(tmp_path).add(path, dry_run=True)
    finally:
        path.unlink()
    assert report.files == 1
    assert all(sentence.isprintable() for sentence in report.sentences())
    for snippet in report.snippets:
        assert "\ufffd" not in snippet.lines
        snippet.lines.encode("utf-8")
