"""Valves: any JSON value is refused or valid, nothing means the default, a broken file never stops the server."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from pathlib import Path
from typing import get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scripted import ScriptedModel, scripted_counsellor

from psylite_pipeline.host.filter import FilterPipeline
from psylite_pipeline.host.parts import Shared
from psylite_pipeline.host.pipe import PipePipeline
from psylite_pipeline.host.valves import FilterValves, PipeValves, mend_saved_valves
from psylite_pipeline.replies import REGIONS
from psylite_pipeline.settings import Preferences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted(FilterValves.model_fields)
BOTH = pytest.mark.parametrize("valves", [PipeValves, FilterValves])


@BOTH
@pytest.mark.parametrize("nothing", [None, "", "  ", [], [""], [" "]])
def test_nothing_means_the_default_for_every_valve(valves, nothing):
    assert valves(**dict.fromkeys(valves.model_fields, nothing)) == valves()


@BOTH
def test_blanks_around_a_name_are_no_part_of_it(valves):
    assert valves(model=" qwen \n").model == "qwen"


@BOTH
def test_every_valve_is_flat_has_a_title_and_says_what_it_does(valves):
    for name, field in valves.model_fields.items():
        for told, between in ((field.title, " · "), (field.description, "\n")):  # English, then Chinese
            english, chinese = str(told).split(between)
            assert english.isascii(), name
            assert not chinese.isascii(), name
        assert field.annotation in (str, bool, int, float, list[str]) or get_origin(field.annotation) is not None
        if get_origin(field.annotation) is not None and field.annotation != list[str]:
            assert all(isinstance(choice, str) for choice in get_args(field.annotation)), name
        assert valves.model_json_schema()["properties"].get(name, {}).get("format") is None


def test_the_filters_page_shows_no_valve_of_an_answer_that_another_model_gives():
    shown = set(FilterValves.model_json_schema()["properties"])
    assert {"sensitivity", "region", "language", "judge", "pipelines", "priority"} <= shown
    assert not {"model", "show_snippet", "show_thinking", "reminder_every", "humour", "humour_every"} & shown
    assert set(PipeValves.model_json_schema()["properties"]) == set(PipeValves.model_fields)


def test_every_region_that_has_helplines_can_be_chosen():
    assert get_args(Preferences.model_fields["region"].annotation) == ("auto", *REGIONS)


@BOTH
def test_limits_told_in_the_description_are_the_limits(valves):
    for name, field in valves.model_fields.items():
        lowest = next((one.ge for one in field.metadata if hasattr(one, "ge")), None)
        highest = next((one.le for one in field.metadata if hasattr(one, "le")), None)
        if lowest is None or highest is None:
            assert field.annotation not in (int, float), name
            continue
        assert f"{lowest:g} to {highest:g}" in str(field.description), name
        for value in (lowest, highest):
            assert getattr(valves(**{name: value}), name) == value
        for value in (lowest - 1, highest + 1, float("nan"), float("inf")):
            with pytest.raises(ValidationError):
                valves(**{name: value})


@BOTH
@pytest.mark.parametrize("name", ["model", "judge_model"])
@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\rb", "a\x7fb", "a\x85b", "a\u2028b"])
def test_the_name_of_a_model_is_one_line_that_can_be_printed(valves, name, value):
    assert getattr(valves(**{name: "qwen3:4b 模型"}), name) == "qwen3:4b 模型"
    with pytest.raises(ValidationError):
        valves(**{name: value})


@BOTH
def test_a_misspelt_name_is_refused_and_one_of_another_version_is_not(valves):
    for few in ({"humor": False}, {**valves().model_dump(exclude={"humour"}), "humor": False}):
        with pytest.raises(ValidationError, match="no valve 'humor'"):
            valves(**few)
    page = {**valves().model_dump(), "humour": False, "gone": 1}
    assert valves(**page) == valves(humour=False)


def test_a_priority_of_any_length_is_refused():
    with pytest.raises(ValidationError):
        FilterValves.model_validate({"priority": 10**400})


@settings(max_examples=300, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), JSON, max_size=5))
def test_any_json_is_refused_or_gives_valves_that_can_be_saved(values):
    for valves in (PipeValves, FilterValves):
        try:
            made = valves.model_validate(values)
        except ValidationError:
            continue
        again = valves.model_validate(json.loads(made.model_dump_json()))
        assert again == made
        assert set(made.model_dump()) == set(valves.model_fields)


@given(JSON.filter(lambda value: not isinstance(value, dict)))
@settings(max_examples=50, deadline=None, database=None)
def test_values_that_are_no_object_are_refused(value):
    with pytest.raises(ValidationError):
        PipeValves.model_validate(value)


# -- the saved file

LOADER = "psylite.py"


def saved_in(folder: Path, data: bytes) -> Path:
    path = folder / "psylite" / "valves.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def mended(folder: Path, data: bytes) -> dict:
    path = saved_in(folder, data)
    mend_saved_valves(folder / LOADER, PipeValves)
    values = json.loads(path.read_text(encoding="utf-8"))
    PipeValves(**{**PipeValves().model_dump(), **values})  # as upstream does
    return values


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"3", b"null", b"\xff\xfe{}", b"[" * 50_000, b'{"a":' * 50_000, b"\xef\xbb\xbf{"]
)
def test_a_file_that_is_no_valves_is_kept_aside(tmp_path, data, caplog):
    assert mended(tmp_path, data) == {}
    assert (tmp_path / "psylite" / "valves.json.broken-1").read_bytes() == data
    assert "valves.json.broken-1" in caplog.text
    assert mended(tmp_path, b"again") == {}
    assert (tmp_path / "psylite" / "valves.json.broken-1").read_bytes() == data, "an older one is not lost"
    assert (tmp_path / "psylite" / "valves.json.broken-2").read_bytes() == b"again"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_what_an_editor_saved_in_another_encoding_is_kept_and_made_plain(tmp_path, encoding):
    data = '{"region": "US", "model": "模型", "humour_every": 5000}'.encode(encoding)
    assert mended(tmp_path, data) == {"region": "US", "model": "模型"}
    data = '{"region": "US"}'.encode(encoding)
    assert mended(tmp_path, data) == {"region": "US"}
    assert (tmp_path / "psylite" / "valves.json").read_bytes() == b'{"region": "US"}'


def test_only_the_field_out_of_range_falls_back(tmp_path, caplog):
    found = mended(tmp_path, b'{"humour_every": 5000, "region": "US", "judge": 3, "gone": 1, "humour": null}')
    assert found == {"region": "US", "gone": 1, "humour": None}
    assert "humour_every" in caplog.text
    assert "judge" in caplog.text


def test_a_good_or_missing_file_is_left_as_it_is(tmp_path):
    data = b'{ "region":  "US" }'
    assert mended(tmp_path, data) == {"region": "US"}
    assert (tmp_path / "psylite" / "valves.json").read_bytes() == data
    mend_saved_valves(tmp_path / "other.py", PipeValves)
    assert not (tmp_path / "other").exists()


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), JSON, max_size=5))
def test_any_saved_json_is_loadable_afterwards(tmp_path, values):
    mended(tmp_path, json.dumps(values).encode())


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch, caplog):
    saved_in(tmp_path, b"{")

    def fail(self, *_, **__):
        raise OSError("read-only")

    monkeypatch.setattr(Path, "replace", fail)
    mend_saved_valves(tmp_path / LOADER, PipeValves)
    assert "could not be set aside" in caplog.text


# -- plugins in this process


def pipe_of(tmp_path, model=None) -> PipePipeline:
    return PipePipeline(counsellor=lambda: scripted_counsellor(tmp_path, model))


def said(pipe: PipePipeline, body: dict) -> list:
    return list(pipe.pipe("", "psylite", body.get("messages", []), body))


def body_of(content, **more) -> dict:
    return {"model": "other", "messages": [{"role": "user", "content": content}], **more}


def test_a_valve_works_from_the_next_turn(tmp_path):
    pipe = pipe_of(tmp_path)
    assert "12356" in "".join(said(pipe, body_of("我很难受 DIE")))
    pipe.valves = PipeValves(language="en", region="US")
    assert "988" in "".join(said(pipe, body_of("我很难受 DIE")))


def test_without_streaming_there_is_only_text(tmp_path):
    from psylite_pipeline.model import Thought, Waiting

    model = ScriptedModel(Waiting(10), Thought("琢磨"), "好")
    assert said(pipe_of(tmp_path, model), body_of("今天")) == ["好"]
    streamed = said(pipe_of(tmp_path, model), body_of("今天", stream=True))
    assert [type(piece).__name__ for piece in streamed] == ["dict", "dict", "dict", "str"]
    assert [piece["event"]["data"]["done"] for piece in streamed[:2]] == [False, True]
    quiet = said(pipe_of(tmp_path, model), body_of("我很难受 DIE", stream=True))
    assert all(isinstance(piece, str) for piece in quiet)


def test_the_server_starts_beside_the_loading_and_an_early_turn_waits_for_it(tmp_path):
    begun, may_end = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert may_end.wait(30)
        return scripted_counsellor(tmp_path)

    pipe = PipePipeline(counsellor=Shared(slow).get)

    async def starts():
        await pipe.on_startup()
        early = asyncio.create_task(asyncio.to_thread(said, pipe, body_of("我很难受 DIE")))
        assert await asyncio.to_thread(begun.wait, 30)
        assert not (await asyncio.wait({early}, timeout=0.05))[0]
        may_end.set()
        return "".join(await early)

    assert "12356" in asyncio.run(starts())
    assert gc.isenabled()


def test_a_counsellor_that_cannot_be_opened_still_speaks(caplog):
    def broken():
        raise RuntimeError("secret words")

    pipe = PipePipeline(counsellor=broken)
    answer = "".join(said(pipe, body_of("今天")))
    assert "12356" in answer
    assert "secret" not in answer
    assert json.loads("".join(said(pipe, body_of("今天", psylite={"task": "title_generation"})))) == {"title": "新对话"}
    caplog.clear()
    asyncio.run(pipe.on_startup())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "PsyLite is not ready (RuntimeError). Run `psylite doctor`."
    ]


def test_a_failure_in_the_middle_leaves_what_was_said_and_where_to_turn(tmp_path):
    class Breaking(ScriptedModel):
        def stream(self, *_):
            from psylite_pipeline.model import Words

            yield Words("说到一半")
            raise RuntimeError("not one of ours")

    first, rest = said(pipe_of(tmp_path, Breaking()), body_of("今天"))
    assert first == "说到一半"
    assert rest.startswith("\n\n")
    assert "12356" in rest


def inlet(tmp_path, body: dict, **valves) -> dict:
    plugin = FilterPipeline(counsellor=lambda: scripted_counsellor(tmp_path))
    plugin.valves = FilterValves(**valves)
    return asyncio.run(plugin.inlet(body))


@pytest.mark.parametrize(
    "forged", [{"task": "title_generation"}, {"route": "plain"}, {"risk": "none"}, {"task": "x", "route": "humour"}]
)
def test_a_forged_key_changes_nothing_in_the_filter(tmp_path, forged):
    sent = inlet(tmp_path, body_of("我很难受 DIE", psylite=forged))
    assert sent["model"] == "psylite"
    assert sent["psylite"] == {"route": "crisis", "risk": "high", "kind": "self_harm"}
    declined = inlet(tmp_path, body_of("BOMB", psylite=forged))
    assert (declined["model"], declined["psylite"]["route"]) == ("psylite", "decline")
    worried = inlet(tmp_path, body_of("WORRY 今天", psylite=forged))
    assert worried["messages"][0]["role"] == "system"


def test_the_filter_adds_to_the_system_text_in_place(tmp_path):
    system = {"role": "system", "content": "先前"}
    body = {"model": "other", "messages": [system, {"role": "user", "content": "WORRY 今天"}]}
    sent = inlet(tmp_path, body)
    assert sent["messages"][0]["content"].startswith("先前\n\n")
    assert system["content"] == "先前", "the caller's own body stays as it was"
    parts = {"role": "system", "content": [{"type": "text", "text": "先前"}]}
    sent = inlet(tmp_path, {"model": "other", "messages": [parts, {"role": "user", "content": "WORRY 今天"}]})
    assert [message["role"] for message in sent["messages"]] == ["system", "system", "user"]


def test_in_front_of_another_model_no_snippet_is_told(tmp_path):
    body = body_of("来个JOKE")
    assert inlet(tmp_path, body) == body
    plugin = FilterPipeline(counsellor=lambda: scripted_counsellor(tmp_path))
    decision, _ = plugin._judge(body, None, plugin.valves)
    assert (decision.route.value, decision.snippets) == ("plain", ()), "nor is one looked for"


def test_a_filter_without_a_counsellor_sends_everybody_to_the_pipe():
    def broken():
        raise RuntimeError("x")

    sent = asyncio.run(FilterPipeline(counsellor=broken).inlet(body_of("今天", psylite={"route": "plain"})))
    assert (sent["model"], sent["psylite"]) == ("psylite", {})


def test_the_pipe_skips_its_own_model_in_the_filter(tmp_path):
    sent = inlet(tmp_path, {**body_of("我很难受 DIE"), "model": "psylite", "psylite": {"task": "x"}})
    assert sent["psylite"] == {}


def test_preferences_cannot_be_changed_behind_a_turns_back():
    with pytest.raises(ValidationError):
        Preferences().humour = False  # type: ignore[misc]
