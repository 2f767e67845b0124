"""Making the model, without its heavy parts: layouts, twins, leaks, the mix, reasoning, recipes. The chain itself runs
on a tiny model in `make train-demo`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from psylite_pipeline.errors import ModelTimeout, RecipeError
from psylite_pipeline.evals.endpoint import Reply
from psylite_pipeline.finetune import check, data, export, internlm, mix, reason
from psylite_pipeline.finetune.data import Row
from psylite_pipeline.finetune.likeness import LEAK, TWIN, Shelf
from psylite_pipeline.finetune.recipe import load

MODEL = Path(__file__).parents[1] / "model"
DEMO = MODEL / "demo"
THOUGHTS = (
    "她先说了累，又说睡不着，没有说到危险。我想先接住她的累，再问一个小问题，让她慢慢讲，而不是马上给她一串建议，"
    "那样她会觉得没有被听见。也许今晚就够了，只要她愿意再多说一点。"
)


def write(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


class TestLayouts:
    @pytest.mark.parametrize(
        "raw",
        [
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>t</think>a"}]},
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "<think>t</think>a"}]},
            {"input": "q", "reasoning_content": "t", "content": "a"},
            {"instruction": "q", "input": "", "output": "<think>\nt\n</think>\n\na"},
            {"conversation": [{"system": "s", "input": "q", "output": "<think>t</think>a"}]},
            {"prompt": "q", "response": "<think>t</think>a"},
            {"question": "q", "answer": "<think>t</think>a"},
        ],
    )
    def test_all_become_the_same_row(self, tmp_path: Path, raw: dict) -> None:
        (row,) = data.rows(write(tmp_path / "x.jsonl", raw), "general")
        assert (row.prompt, row.answer, row.thoughts) == (({"role": "user", "content": "q"},), "a", "t")
        assert row.completion == "<think>\nt\n</think>\n\na"

    def test_of_a_talk_one_answer_is_learnt_and_earlier_ones_lose_their_reasoning(self, tmp_path: Path) -> None:
        talk = [{"role": role, "content": f"<think>x</think>{n}" if n % 2 else str(n)}
                for n, role in enumerate(["user", "assistant"] * 5)]  # fmt: skip
        path = write(tmp_path / "x.jsonl", {"messages": talk})
        drawn = {row.answer for seed in range(20) for row in data.rows(path, "counselling", seed)}
        assert drawn == {"1", "3", "5", "7", "9"}
        assert list(data.rows(path, "counselling", 1)) == list(data.rows(path, "counselling", 1))
        (row,) = data.rows(path, "counselling", 1)
        assert not any("<think>" in message["content"] for message in row.prompt)

    @pytest.mark.parametrize(
        "raw",
        [
            {"instruction": "2", "input": "", "output": "3", "history": [["0", "1"]]},
            {"conversation": [{"input": "0", "output": "1"}, {"input": "2", "output": "3"}]},
        ],
    )
    def test_what_was_said_before_is_kept_in_every_layout_of_a_talk(self, tmp_path: Path, raw: dict) -> None:
        path = write(tmp_path / "x.jsonl", raw)
        drawn = {
            row.answer: [one["content"] for one in row.prompt] for n in range(20) for row in data.rows(path, "c", n)
        }
        assert drawn == {"1": ["0"], "3": ["0", "1", "2"]}

    @pytest.mark.parametrize("line", ["{", "[1]", '{"text": "x"}', '{"messages": [{"role": "user", "content": "q"}]}'])
    def test_what_is_not_known_is_named(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "x.jsonl").write_text(line, encoding="utf-8")
        with pytest.raises(RecipeError, match=r"x\.jsonl, line 1"):
            list(data.rows(tmp_path / "x.jsonl", "general"))

    def test_preferences(self, tmp_path: Path) -> None:
        asked = {"role": "user", "content": "q"}
        path = write(
            tmp_path / "x.jsonl",
            {"prompt": "q", "chosen": "good", "rejected": "bad"},
            {"prompt": "q", "response_0": "bad", "response_1": "good", "safer_response_id": 1},
            {"prompt": "q", "response_0": "good", "response_1": "bad", "better_response_id": 0},
            {"question": "q", "chosen": "good", "rejected": "bad"},
            {"chosen": [asked, {"role": "assistant", "content": "good"}],
             "rejected": [asked, {"role": "assistant", "content": "bad"}]},
            {"prompt": "q", "chosen": "same", "rejected": "same"},
        )  # fmt: skip
        assert [(pair.prompt, pair.chosen, pair.rejected) for pair in data.pairs(path)] == [
            ((asked,), "good", "bad")
        ] * 5
        with pytest.raises(RecipeError, match=r"x\.jsonl, line 1"):
            list(data.pairs(write(path, {"chosen": "nobody asked", "rejected": "bad"})))

    def test_what_is_written_is_read_again(self, tmp_path: Path) -> None:
        row = Row("i", "general", ({"role": "user", "content": "q"},), "a", "t")
        assert data.write(tmp_path / "o.jsonl", [row]) == 1
        assert list(data.rows(tmp_path / "o.jsonl", "other")) == [row]


class TestLikeness:
    text = "今天下班以后我一个人在操场上走了很久，想起小时候外婆带我去赶集的样子，忽然就很想回家看看。"

    def test_a_lightly_edited_text_is_a_twin(self) -> None:
        shelf = Shelf(TWIN)
        shelf.add(self.text)
        assert shelf.has(self.text) and shelf.has(self.text.replace("，", " ").replace("很久", "好久"))
        assert not shelf.has("完全不同的一句话，说的是明天的天气会不会下雨")

    def test_a_quotation_inside_other_text_is_a_leak_but_a_greeting_is_not(self) -> None:
        held_out = Shelf(LEAK)
        held_out.add(self.text)
        held_out.add("你好，最近怎么样？")
        assert held_out.has("前面说了许多别的事情。" + self.text + "后面又说了许多别的事情。" * 20)
        assert not held_out.has("你好，最近怎么样？我们家的猫今天学会了自己开门，真是让人又好气又好笑。")

    def test_short_equal_texts_are_twins(self) -> None:
        shelf = Shelf(TWIN)
        shelf.add("你好！")
        assert shelf.has("你好。") and not shelf.has("再见")


class TestMix:
    def test_ratio_seed_and_held_out_rows(self, tmp_path: Path) -> None:
        leaked = json.loads((DEMO / "counselling.jsonl").read_text(encoding="utf-8").splitlines()[0])
        evaluated = write(tmp_path / "eval.jsonl", {"id": 1, "messages": leaked["messages"]})
        sources = ([DEMO / "general.jsonl"], [DEMO / "counselling.jsonl"], [evaluated])
        rows, counts = mix.build(*sources, (10, 5), seed=3)
        assert [sum(row.kind == kind for row in rows) for kind in ("general", "counselling")] == [10, 5]
        assert counts["counselling"].leaks == 1 and not any(
            leaked["messages"][0]["content"] in row.text for row in rows
        )
        assert rows == mix.build(*sources, (10, 5), seed=3)[0] != mix.build(*sources, (10, 5), seed=4)[0]
        with pytest.raises(RecipeError, match=r"5 counselling rows are left of 6 \(0 twins, 1 leaks"):
            mix.build(*sources, (10, 6))

    def test_the_pairs_of_stage_two_hold_no_twin_and_nothing_evaluated(self, tmp_path: Path) -> None:
        words = [f"第{n}天的{n}号房里有{n * n}个人在等第{n + 7}班车，他们说了{n * 31}句话。" for n in range(9)]
        pairs = [{"prompt": text, "chosen": "好的。", "rejected": "不。"} for text in words]
        evaluated = write(
            tmp_path / "eval.jsonl", {"task": "Ethics", "id": 1, "history": [{"user": words[0], "bot": ""}]}
        )
        path = write(tmp_path / "pairs.jsonl", *pairs, pairs[3])
        kept, counts = mix.preferences([path], [evaluated], seed=2)
        assert sorted(pair.prompt[0]["content"] for pair in kept) == sorted(words[1:])
        assert (counts.read, counts.twins, counts.leaks, counts.kept) == (10, 1, 1, 8)
        assert kept[:4] == mix.preferences([path], [evaluated], limit=4, seed=2)[0]

    def test_evaluation_sets_are_held_out_as_they_are_published(self, tmp_path: Path) -> None:
        (tmp_path / "Career").mkdir()
        (tmp_path / "Career" / "1.json").write_text('["求助者：甲", "支持者：乙"]', encoding="utf-8")
        write(tmp_path / "ethics.jsonl", {"task": "Ethics", "id": 1, "history": [{"user": "丙", "bot": "丁"}]})
        write(tmp_path / "val.jsonl", {"id": 0, "question": "戊", "A": "己", "answer": "A"})
        assert mix.evaluated_turns(tmp_path) == ["甲", "乙", "丙", "丁", "戊"]

    def test_the_card_says_what_is_in_it(self, tmp_path: Path) -> None:
        general, counselling = [DEMO / "general.jsonl"], [DEMO / "counselling.jsonl"]
        rows, counts = mix.build(general, counselling, [], (4, 2))
        mix.save(rows, counts, [*general, *counselling], [], 1, tmp_path / "mix.jsonl")
        card = (tmp_path / "mix.card.md").read_text(encoding="utf-8")
        assert "6 rows, seed 1" in card and "(no leakage check)" in card and "| counselling | 2 | 2 |" in card
        assert len((tmp_path / "mix.jsonl").read_text(encoding="utf-8").splitlines()) == 6


class Teacher:
    """Gives `answers` in turn; an exception among them is raised."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.attempts: list[int] = []

    def chat(self, messages: Sequence, schema: None = None, attempt: int = 0) -> Reply:
        self.attempts.append(attempt)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer)


class TestReasoning:
    row = Row("r1", "counselling", ({"role": "user", "content": "我很累"},), "听起来你撑了很久，今晚想先从哪里说起呢？")

    @pytest.mark.parametrize(
        ("thoughts", "fault"),
        [
            (THOUGHTS, ""),
            ("嗯。", "length"),
            (f"<think>{THOUGHTS}", "tags"),
            (f"{THOUGHTS}参考答案也是这样说的。", "speaks of the answer"),
            (f"{THOUGHTS}听起来你撑了很久，今晚想先从哪里说起呢？", "repeats the answer"),
            ("She is tired and I would like to hear more about it before I say anything at all.", "language"),
        ],
    )
    def test_is_checked(self, thoughts: str, fault: str) -> None:
        assert reason.fault(self.row, thoughts) == fault

    def test_is_asked_again_with_another_seed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        waited: list[float] = []
        monkeypatch.setattr(reason.time, "sleep", waited.append)
        teacher = Teacher("嗯。", ModelTimeout("x"), THOUGHTS)
        row, fault = reason.think(self.row, teacher)
        assert row and row.thoughts == THOUGHTS and not fault and teacher.attempts == [0, 1, 2]
        assert waited == [20.0], "a busy server is given a while, a poor answer is not"

    def test_is_given_up_and_counted(self, tmp_path: Path) -> None:
        counts = reason.inject([self.row], Teacher("嗯。", "嗯。", "嗯。"), tmp_path / "o.jsonl")
        assert counts == {"": 0, "length": 1} and not (tmp_path / "o.jsonl").read_text(encoding="utf-8")

    def test_goes_on_after_a_kill(self, tmp_path: Path) -> None:
        out = tmp_path / "o.jsonl"
        other = Row("r2", "counselling", self.row.prompt, "好的，我在听。")
        reason.inject([self.row], Teacher(THOUGHTS), out)
        out.write_bytes(out.read_bytes() + b'{"id": "r2", "prom')
        assert reason.inject([self.row, other], Teacher(THOUGHTS), out, at_once=1) == {"": 2}
        assert [row.id for row in data.rows(out, "counselling")] == ["r1", "r2"]


class TestRecipes:
    @pytest.mark.parametrize("name", ["sft.yaml", "orpo.yaml", "demo/sft.yaml", "demo/orpo.yaml"])
    def test_every_figure_has_its_reason(self, name: str) -> None:
        assert load(MODEL / name).stage in name

    def test_the_figures_of_the_report(self) -> None:
        one, two = load(MODEL / "sft.yaml"), load(MODEL / "orpo.yaml")
        assert (one.quantise, one.rank, one.alpha, one.dropout, one.learning_rate) == ("nf4", 64, 16, 0.1, 1e-4)
        assert (one.epochs, one.length, one.warmup) == (5, 4096, 0.03) and one.packing != "off"
        assert (two.beta, two.learning_rate, two.accumulation, two.length, two.warmup) == (0.2, 5e-6, 64, 2048, 0.01)

    def test_what_the_report_does_not_say_is_as_its_authors_configured_it(self) -> None:
        one, two = load(MODEL / "sft.yaml"), load(MODEL / "orpo.yaml")
        assert (one.accumulation, one.batch, one.schedule) == (4, 1, "cosine")
        assert (two.epochs, two.batch, two.schedule) == (5, 1, "cosine")
        assert (two.quantise, two.rank, two.alpha, two.dropout) == (one.quantise, one.rank, one.alpha, one.dropout)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("rank: 64", "rank needs `is`"),
            ("colour: {is: red, why: x}", "colour is no setting"),
            ("rank: {is: many, why: x}", "rank must be of the kind int"),
            ("rank: {is: 1, why: x}", "is missing"),
            ("- x", "cannot be read"),
        ],
    )
    def test_a_wrong_one_is_named(self, tmp_path: Path, text: str, told: str) -> None:
        (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(RecipeError, match=told):
            load(tmp_path / "r.yaml")

    def test_a_value_may_be_replaced(self) -> None:
        assert load(MODEL / "sft.yaml", {"epochs": "0.5", "quantise": "none"}).epochs == 0.5


def test_the_modelfile_keeps_all_but_its_source(tmp_path: Path) -> None:
    export.modelfile(tmp_path / "psylite.gguf", MODEL / "Modelfile", tmp_path / "Modelfile")
    before = (MODEL / "Modelfile").read_text(encoding="utf-8").splitlines()
    after = (tmp_path / "Modelfile").read_text(encoding="utf-8").splitlines()
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [
        (next(line for line in before if line.startswith("FROM ")), "FROM ./psylite.gguf")
    ]


def test_a_missing_tool_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(export.TOOLS, raising=False)
    with pytest.raises(RecipeError, match="model/llama-tools"):
        export.tool("llama-quantize")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "llama-quantize").write_text("", encoding="utf-8")
    monkeypatch.setenv(export.TOOLS, str(tmp_path))
    assert export.tool("llama-quantize").name == "llama-quantize"


@pytest.mark.parametrize(
    ("tokens", "possible"), [(["<", "think", ">"], True), (["<think>"], True), (["<", "th"], False)]
)
def test_whether_a_vocabulary_can_write_the_mark(tokens: list[str], possible: bool) -> None:
    assert check.writable("<think>", tokens) is possible


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("", "no readable config.json"),
        ('{"architectures": ["LlamaForCausalLM"]}', "is no InternLM2"),
        ('{"architectures": ["InternLM2ForCausalLM"], "bias": true}', "has biases"),
    ],
)
def test_what_is_no_internlm2_is_refused_before_anything_is_read(tmp_path: Path, config: str, why: str) -> None:
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(RecipeError, match=why):
        internlm.as_llama(tmp_path, tmp_path / "out")
    with pytest.raises(RecipeError, match=why):
        internlm.as_internlm2(tmp_path, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
