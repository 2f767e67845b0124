"""(being written)"""
from __future__ import annotations
from pathlib import Path
from psylite_pipeline.errors import KnowledgeError
class Classifier:
    @classmethod
    def load(cls, folder: Path) -> Classifier:
        raise KnowledgeError(f"{folder}: no classifier yet")
