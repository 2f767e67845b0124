"""Which weights the stand-in runs: one published file, known by its digest."""

from __future__ import annotations

from dataclasses import dataclass

#: What the stand-in is called where a model is named.
MODEL_NAME = "psylite-standin:latest"


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file. size: bytes. sha256: lower-case hex. hub_path: where the model hub keeps the same file."""

    file_name: str
    size: int
    sha256: str
    hub_path: str
    title: str
    licence: str


QWEN_CODER = Weights(
    file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    hub_path="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    title="Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
    licence="Apache-2.0",
)
