"""Whether what a GGUF file must hold is in it: chat template, stop tokens, `<think>` in one piece, size and memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import RecipeError

LIMIT = 5 * 2**30
"""Bytes for the file, and for the weights with the talk's cache: the report's 5 GB, read as GiB."""

CONTEXT = 4096

THOUGHT = "<think>\nt\n</think>\n\na"
"""An answer with its reasoning, as the model learns it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is, whether it holds, what was seen."""

    what: str
    good: bool
    seen: str


def check(path: Path, ends: str = "<|im_end|>", starts: str = "<|im_start|>") -> list[Finding]:
    """What was found in the GGUF file `path`; `starts` and `ends` mark a turn. Raises RecipeError for no GGUF."""
    from gguf import GGUFReader

    try:
        reader: Any = GGUFReader(path)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path.name} is no GGUF file ({type(error).__name__}).") from None

    def value(key: str) -> Any:
        field = reader.get_field(key)
        return field.contents() if field else None

    tokens: list[str] = value("tokenizer.ggml.tokens") or []
    template = template_of(reader)
    stop = value("tokenizer.ggml.eos_token_id")
    also = value("tokenizer.ggml.eot_token_id")
    stops = [tokens[int(number)] for number in (stop, also) if number is not None and int(number) < len(tokens)]
    size = path.stat().st_size
    memory = size + cache_bytes(reader, CONTEXT)
    return [
        Finding("tensors", bool(reader.tensors), f"{len(reader.tensors)}, {_kinds(reader)}"),
        Finding("chat template", starts in template and ends in template, f"{len(template)} letters"),
        Finding("keeps <think>", THOUGHT in rendered(template), "a reasoned answer comes out of the template whole"),
        Finding("end of turn", ends in tokens, "a token of its own" if ends in tokens else "not among the tokens"),
        Finding("stops", ends in stops, ", ".join(stops) or "nothing"),
        Finding("writes <think>", writable("<think>", tokens), "its letters are in the vocabulary"),
        Finding("file within 5 GiB", size <= LIMIT, f"{size / 2**30:.3f} GiB"),
        Finding(
            f"weights and cache of {CONTEXT} tokens within 5 GiB",
            memory <= LIMIT,
            f"{memory / 2**30:.3f} GiB, reckoned",
        ),
    ]


def template_of(reader: Any) -> str:
    """The chat template in a GGUF file; "" where it has none."""
    field = reader.get_field("tokenizer.chat_template")
    return str(field.contents()) if field else ""


def rendered(template: str) -> str:
    """A talk of one question and one reasoned answer as the chat template writes it; "" where it cannot."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": THOUGHT}]
    try:
        made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)
        return made.render(messages=talk, bos_token="<s>", eos_token="</s>", add_generation_prompt=False)
    except TemplateError:
        return ""


def cache_bytes(reader: Any, context: int) -> int:
    """Bytes of keys and values for `context` tokens at 16 bits, from the file's own figures."""
    arch = reader.get_field("general.architecture").contents()

    def number(key: str, otherwise: int = 0) -> int:
        field = reader.get_field(f"{arch}.{key}")
        return int(field.contents()) if field else otherwise

    heads, wide = number("attention.head_count", 1), number("embedding_length")
    return 2 * 2 * number("block_count") * number("attention.head_count_kv", heads) * (wide // heads) * context


def writable(text: str, tokens: list[str]) -> bool:
    """Whether the vocabulary can write `text`: as one token, or from pieces."""
    known = set(tokens)
    reach = {0}
    for start in range(len(text)):
        if start in reach:
            reach |= {end for end in range(start + 1, len(text) + 1) if text[start:end] in known}
    return len(text) in reach


def _kinds(reader: Any) -> str:
    counts: dict[str, int] = {}
    for tensor in reader.tensors:
        counts[tensor.tensor_type.name] = counts.get(tensor.tensor_type.name, 0) + 1
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
