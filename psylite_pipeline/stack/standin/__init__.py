"""The stand-in model: a small general model behind Ollama's interface, for machines where no Ollama runs.

`ensure_model(data_dir, progress)` fetches and checks the weights; `python -m psylite_pipeline.stack.standin serve`
answers with them. It is for trying PsyLite out, and says so; it is not for people in need.
"""

from __future__ import annotations

from psylite_pipeline.stack.standin.fetch import ensure_model, is_ready
from psylite_pipeline.stack.standin.progress import Progress
from psylite_pipeline.stack.standin.weights import MODEL_NAME, QWEN_CODER, Weights

__all__ = ["MODEL_NAME", "QWEN_CODER", "Progress", "Weights", "ensure_model", "is_ready"]
