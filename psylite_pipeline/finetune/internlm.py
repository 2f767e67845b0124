"""InternLM2 in the layout of Llama, and back: training then runs none of the code that comes with the base model.

InternLM2 is a Llama under other names, with query, key and value in one matrix (technical report, arXiv 2403.17297,
section 2.2: for every key-value head its query heads, then the key, then the value). Its own code of 2024 does not load
under transformers 5. For GGUF the weights go back, since llama.cpp reads InternLM2's vocabulary in a way of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import RecipeError

_INDEX = "model.safetensors.index.json"
#: InternLM2's name of a part, Llama's.
_NAMES = (
    ("model.tok_embeddings.", "model.embed_tokens."),
    ("output.weight", "lm_head.weight"),
    (".attention.wo.", ".self_attn.o_proj."),
    (".feed_forward.w1.", ".mlp.gate_proj."),
    (".feed_forward.w2.", ".mlp.down_proj."),
    (".feed_forward.w3.", ".mlp.up_proj."),
    (".attention_norm.", ".input_layernorm."),
    (".ffn_norm.", ".post_attention_layernorm."),
)
_FUSED = ".attention.wqkv."
_KEPT = (  # of InternLM2's config.json; the rest speaks of its own code
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps", "rope_theta",
    "rope_scaling", "tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id", "torch_dtype",
)  # fmt: skip
#: Read by both tokenizers before anything is trained: one id that differs, and training would learn another language.
_READ_ALOUD = (
    "最近总是睡不着，躺下就想工作上的事。", "How are you?  Two spaces,\nand a new line.", "3.14 × 2 = 6.28",
    "<think>\n先听她说完。\n</think>\n\n听起来这阵子很累。", "笑死我了😂😂 hhh", "def f(x):\n    return x",
)  # fmt: skip


def as_llama(base: Path, out: Path) -> None:
    """Write the InternLM2 model of folder `base` to `out` as a Llama: the same function, no code of its own.

    Shard by shard, as much memory as one shard. Raises RecipeError where `base` is no InternLM2 in safetensors, has
    biases, or its tokenizer would read differently as Llama's.
    """
    config = _config(base)
    from safetensors import safe_open
    from safetensors.torch import save_file

    heads = int(config["num_attention_heads"])
    groups = int(config.get("num_key_value_heads") or heads)
    out.mkdir(parents=True, exist_ok=True)
    where: dict[str, str] = {}
    for path in _shards(base):
        with safe_open(path, "pt") as shard:
            made = dict(_split(shard.keys(), shard.get_tensor, heads // groups, groups))
        save_file(made, out / path.name, metadata={"format": "pt"})
        where.update(dict.fromkeys(made, path.name))
    _write(out / _INDEX, {"metadata": {}, "weight_map": where})
    kept = {name: config[name] for name in _KEPT if name in config}
    _write(out / "config.json", {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **kept})
    _tokenizer(base, out)


def as_internlm2(merged: Path, like: Path, out: Path) -> None:
    """Write the Llama of folder `merged` to `out` as an InternLM2, in shards and with all other files as in `like`.

    Raises RecipeError where `merged` lacks a weight that `like` has.
    """
    config = _config(like)
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    groups = int(config.get("num_key_value_heads") or config["num_attention_heads"])
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        shards = [opened.enter_context(safe_open(path, "pt")) for path in _shards(merged)]
        where = {name: shard for shard in shards for name in shard.keys()}  # noqa: SIM118  no mapping, it has no __iter__

        def of(name: str) -> Any:
            if name not in where:
                raise RecipeError(f"{merged} has no {name}: it does not come from {like}.")
            return where[name].get_tensor(name)

        def made(name: str) -> Any:
            if _FUSED not in name:
                return of(_renamed(name))
            query, key, value = (of(name.replace(_FUSED, f".self_attn.{one}_proj.")) for one in "qkv")
            parts = [part.view(groups, -1, query.shape[-1]) for part in (query, key, value)]
            return torch.cat(parts, dim=1).reshape(-1, query.shape[-1])

        for path in _shards(like):
            with safe_open(path, "pt") as shard:
                names = list(shard.keys())
            save_file({name: made(name) for name in names}, out / path.name, metadata={"format": "pt"})
    for path in like.iterdir():
        if path.is_file() and path.suffix not in {".safetensors", ".bin"}:
            shutil.copyfile(path, out / path.name)


def _split(names: Any, of: Callable[[str], Any], per_group: int, groups: int) -> Iterator[tuple[str, Any]]:
    for name in names:
        tensor = of(name)
        if _FUSED not in name:
            yield _renamed(name), tensor
            continue
        width = tensor.shape[-1]
        by_group = tensor.view(groups, per_group + 2, -1, width)
        for one, part in (("q", by_group[:, :per_group]), ("k", by_group[:, -2]), ("v", by_group[:, -1])):
            yield name.replace(_FUSED, f".self_attn.{one}_proj."), part.reshape(-1, width).contiguous()


def _renamed(name: str) -> str:
    for theirs, llama in _NAMES:
        if theirs in name:
            return name.replace(theirs, llama)
    return name


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{folder} has no readable config.json ({type(error).__name__}).") from None
    if config.get("architectures") != ["InternLM2ForCausalLM"]:
        raise RecipeError(f"{folder} is no InternLM2 but {config.get('architectures')}: train it as it is.")
    if config.get("bias"):
        raise RecipeError(f"{folder} has biases, which InternLM2.5 has not; this step would lose them.")
    return dict(config)


def _shards(folder: Path) -> list[Path]:
    if found := sorted(folder.glob("*.safetensors")):
        return found
    raise RecipeError(f"{folder} has no weights in safetensors.")


def _tokenizer(base: Path, out: Path) -> None:
    """InternLM2's tokenizer as Llama's: the same pieces and marks, no code. Compared before it is used.

    InternLM2's marks (`<|im_start|>`) take the numbers of unused pieces. Llama's reader would give them new numbers,
    beyond the embeddings, so the pieces get the marks' names.
    """
    from sentencepiece import SentencePieceProcessor
    from sentencepiece.sentencepiece_model_pb2 import ModelProto
    from transformers import AutoTokenizer

    for name in ("special_tokens_map.json", "generation_config.json"):
        if (base / name).is_file():
            shutil.copyfile(base / name, out / name)
    config = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    config.pop("auto_map", None)
    marks = {int(number): told["content"] for number, told in config.get("added_tokens_decoder", {}).items()}
    pieces = ModelProto.FromString((base / "tokenizer.model").read_bytes())
    for number, mark in marks.items():
        pieces.pieces[number].piece = mark
    (out / "tokenizer.model").write_bytes(pieces.SerializeToString())
    more = {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": pieces.normalizer_spec.add_dummy_prefix}
    _write(out / "tokenizer_config.json", {**config, **more})

    theirs = SentencePieceProcessor(model_file=str(base / "tokenizer.model"))
    llama = AutoTokenizer.from_pretrained(str(out))
    read = {text: theirs.encode(text) for text in _READ_ALOUD} | {mark: [number] for number, mark in marks.items()}
    for text, numbers in read.items():
        if llama(text, add_special_tokens=False)["input_ids"] != numbers:
            raise RecipeError(f"As Llama's the tokenizer of {base} reads differently, for example: {text!r}")


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
