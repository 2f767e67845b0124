"""The shelf of crosstalk: corpus, encoder and index opened together, lazily, and again when the files changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from psylite_pipeline.conversation import marked
from psylite_pipeline.embedding import Embedder, Vectors
from psylite_pipeline.errors import EncoderError
from psylite_pipeline.humour.corpus import Snippet, load_corpus
from psylite_pipeline.humour.index import Hit, SnippetIndex, choose, open_index

log = logging.getLogger(__name__)

#: Seconds between two looks at the files' dates, so that a busy server does not read a folder at every turn.
LOOK_AGAIN_SECONDS = 5.0


class Shelf:
    """Finds the snippet for a turn. Holds no talk; safe to share between threads."""

    def __init__(self, folders: Sequence[Path], embedder: Embedder, index_dir: Path) -> None:
        self._folders = tuple(folders)
        self.embedder = embedder
        self._index_dir = index_dir
        self._lock = threading.Lock()
        self._index: SnippetIndex | None = None
        self._stamp: tuple[tuple[str, int, int], ...] = ()
        self._looked = float("-inf")

    def open(self, progress: Callable[[int, int], None] | None = None, *, anew: bool = False) -> SnippetIndex:
        """The index over the files as they are now; `anew` builds it again in any case.

        Raises EncoderError while there is none at all; a change that cannot be encoded leaves what was served before.
        """
        with self._lock:
            now, current = time.monotonic(), self._index
            if current is not None and not anew and now - self._looked <= LOOK_AGAIN_SECONDS:
                return current
            self._looked = now
            stamp = _stamp(self._folders)
            if current is not None and not anew and stamp == self._stamp:
                return current
            opened = self._opened(progress, anew)
            if opened is not current:  # else the change is tried again at the next look
                self._index, self._stamp = opened, stamp
            return opened

    def _opened(self, progress: Callable[[int, int], None] | None, anew: bool) -> SnippetIndex:
        corpus = load_corpus(self._folders)
        for sentence in corpus.refused:
            log.warning("Refused: %s", sentence)
        try:
            return open_index(corpus, self.embedder, self._index_dir, progress, anew=anew, before=self._index)
        except EncoderError:
            if self._index is None:
                raise
            log.warning("The changed snippets cannot be encoded; those from before are served.")
            return self._index

    def find(
        self, text: str, vector: Vectors | None, *, language: str, used: frozenset[str], asked: bool
    ) -> Hit | None:
        """The snippet for `text`, or none. `vector` is the text already encoded by this shelf's encoder, if it is.

        `asked` says that the person asked for a joke. Raises EncoderError.
        """
        index = self.open()
        query = self.embedder.encode([text])[0] if vector is None else vector
        if index.corpus.snippets and len(query) != index.dimensions:  # an encoder of the same name, changed since
            index = self.open(anew=True)
        language = "en" if language == "en" else "zh"
        hits = index.search(query, language=language, exhaustive=asked)
        return choose(hits, text=text, used=used, threshold=index.threshold(language), gentle_only=asked)

    def shown_in(self, answers: Sequence[str]) -> tuple[frozenset[str], ...]:
        """For each of the assistant's earlier texts, which snippets it offered."""
        snippets = self.open().corpus.snippets
        return tuple(
            frozenset(marked(answer)) | {one.id for one in snippets if _stands_in(one, answer)}
            if "<details" in answer or "[//]" in answer
            else frozenset()
            for answer in answers
        )

    def get(self, snippet_id: str) -> Snippet | None:
        """The snippet of that id."""
        return next((one for one in self.open().corpus.snippets if one.id == snippet_id), None)


def _stands_in(snippet: Snippet, answer: str) -> bool:
    """Whether every line of the snippet, written as answers quote it, stands in `answer`."""
    return all(line.replace("<", "＜") in answer for line in snippet.lines.split("\n"))


def _stamp(folders: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*.toml")):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
