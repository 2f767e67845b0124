"""From adapter to a model that Ollama serves: merge, GGUF, q4_k_m by llama.cpp's own tools, Modelfile, create."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from psylite_pipeline.errors import RecipeError

TOOLS = "PSYLITE_LLAMA_CPP"
"""Environment variable: a folder with convert_hf_to_gguf.py and llama-quantize (model/llama-tools makes one)."""

#: What a tokenizer folder may hold besides what transformers writes; llama.cpp's converter reads the first.
_TOKENIZER = ("tokenizer.model", "added_tokens.json", "special_tokens_map.json", "generation_config.json")


def merge(model: str, adapter: Path, out: Path) -> None:
    """The model with the adapter in its weights, in `out`. On the CPU, in bf16 (15.5 GB for 7.7 billion weights).

    The adapter was trained on the nf4 weights and is merged into the full ones, as usual with QLoRA; what difference
    that makes is not measured here.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    merged = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
    merged.save_pretrained(str(out))
    AutoTokenizer.from_pretrained(model).save_pretrained(str(out))
    for name in _TOKENIZER:
        if (Path(model) / name).is_file() and not (out / name).exists():
            shutil.copyfile(Path(model) / name, out / name)


def gguf(merged: Path, out: Path) -> None:
    """`merged` as one GGUF file in 16 bits. Raises RecipeError."""
    converter = tool("convert_hf_to_gguf.py")
    beside = converter.parent / "gguf-py"
    paths = os.pathsep.join([str(beside)] if beside.is_dir() else [])
    out.parent.mkdir(parents=True, exist_ok=True)
    _run(
        [sys.executable, str(converter), str(merged), "--outtype", "f16", "--outfile", str(out)],
        {**os.environ, "PYTHONPATH": paths} if paths else None,
    )


def quantise(source: Path, out: Path, kind: str = "q4_k_m") -> None:
    """`source` quantised by llama-quantize. Raises RecipeError."""
    _run([str(tool("llama-quantize")), str(source), str(out), kind.upper()])


def tool(name: str) -> Path:
    """llama.cpp's program `name`: from the folder in PSYLITE_LLAMA_CPP, else the PATH. Raises RecipeError."""
    folder = os.environ.get(TOOLS)
    places = [Path(folder) / name, Path(folder) / "bin" / name] if folder else []
    if on_path := shutil.which(name):
        places.append(Path(on_path))
    for place in places:
        if place.is_file():
            return place.resolve()
    raise RecipeError(
        f"{name} is neither on the PATH nor in {TOOLS}. model/llama-tools builds it from llama.cpp's source."
    )


def modelfile(gguf_file: Path, example: Path, out: Path) -> None:
    """`example` (model/Modelfile) with FROM pointing at `gguf_file`; all else stays. Raises RecipeError."""
    lines = example.read_text(encoding="utf-8").splitlines()
    if sum(line.startswith("FROM ") for line in lines) != 1:
        raise RecipeError(f"{example.name} must have one FROM line.")
    source = os.path.relpath(gguf_file, out.parent)
    told = [f"FROM ./{source}" if line.startswith("FROM ") else line for line in lines]
    out.write_text("\n".join(told) + "\n", encoding="utf-8")


def create(name: str, modelfile_path: Path) -> None:
    """`ollama create NAME`. Raises RecipeError where Ollama is missing or refuses."""
    if not shutil.which("ollama"):
        raise RecipeError("There is no ollama on the PATH. Install it, then: ollama create NAME -f Modelfile")
    _run(["ollama", "create", name, "-f", str(modelfile_path)])


def _run(words: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise RecipeError(f"{Path(words[0]).name} failed ({done.returncode}): {' '.join(last)}")
