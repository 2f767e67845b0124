"""The shelf of crosstalk: corpus, encoder and index opened together, lazily, and again when the files changed."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from psylite_pipeline.conversation import marked
from psylite_pipeline.embedding import MAX_CHARACTERS, Embedder, Vectors
from psylite_pipeline.errors import EncoderError, IndexBusy
from psylite_pipeline.humour.asking import says_more, topic_of, unwanted
from psylite_pipeline.humour.choosing import Choice, any_of, choices, mood_of, query_of
from psylite_pipeline.humour.corpus import Snippet, load_corpus
from psylite_pipeline.humour.index import open_index
from psylite_pipeline.humour.searching import Hit, SnippetIndex

log = logging.getLogger(__name__)

#: Seconds between two looks at the files' dates, so that a busy server does not read a folder at every turn.
LOOK_AGAIN_SECONDS = 5.0


Stamp = tuple[tuple[str, int, int], ...]


class Shelf:
    """Finds the snippet for a turn. Holds no talk; safe to share between threads."""

    def __init__(self, folders: Sequence[Path], embedder: Embedder, index_dir: Path) -> None:
        self._folders = tuple(folders)
        self.embedder = embedder
        self._index_dir = index_dir
        self._lock = threading.Lock()  # held for moments; the other one for as long as a first index is being built
        self._building = threading.Lock()
        self._index: SnippetIndex | None = None
        self._stamp: Stamp = ()
        self._refreshing: threading.Thread | None = None
        self._looked = float("-inf")

    def open(
        self, progress: Callable[[int, int], None] | None = None, *, anew: bool = False, wait: bool = True
    ) -> SnippetIndex:
        """The index over the files; `anew` builds it again in any case.

        A change of the files is taken in beside the turns, which go on with what was served before, for good where the
        change cannot be encoded. Raises EncoderError while there is no index at all. While another thread builds it,
        this one waits, or without `wait`, as in a turn, raises IndexBusy.
        """
        current = None if anew else self._served()
        if current is not None:
            return current
        if not self._building.acquire(blocking=wait):
            raise IndexBusy("The index is being built. Until then nothing is told from it.")
        try:
            if self._index is not None and not anew:
                return self._index
            looked, stamp = time.monotonic(), _stamp(self._folders)
            opened = self._opened(progress, anew)
            with self._lock:
                self._index, self._stamp, self._looked = opened, stamp, looked
            return opened
        finally:
            self._building.release()

    def _served(self) -> SnippetIndex | None:
        """What is served now. Where the files changed, the change begins to be taken in."""
        with self._lock:
            now, current = time.monotonic(), self._index
            if current is None or now - self._looked <= LOOK_AGAIN_SECONDS:
                return current
            self._looked = now
            stamp = _stamp(self._folders)
            if stamp != self._stamp and not (self._refreshing and self._refreshing.is_alive()):
                self._refreshing = threading.Thread(
                    target=self._refresh, args=(current, stamp), daemon=True, name="psylite-index"
                )
                self._refreshing.start()
            return current

    def _refresh(self, current: SnippetIndex, stamp: Stamp) -> None:
        try:
            opened = self._opened(None, False)
        except Exception as error:  # noqa: BLE001  in a thread of its own nobody else would tell
            log.warning("The changed snippets cannot be read (%s); those from before are served.", type(error).__name__)
            return
        with self._lock:
            if opened is not current and self._index is current:  # else the change is tried again at the next look
                self._index, self._stamp = opened, stamp

    def _opened(self, progress: Callable[[int, int], None] | None, anew: bool) -> SnippetIndex:
        corpus = load_corpus(self._folders)
        for sentence in corpus.refused:
            log.warning("Refused: %s", sentence)
        try:
            return open_index(corpus, self.embedder, self._index_dir, progress, anew=anew)
        except EncoderError:
            if self._index is None:
                raise
            log.warning("The changed snippets cannot be encoded; those from before are served.")
            return self._index

    def find(
        self,
        said: Sequence[str],
        vector: Vectors | None = None,
        *,
        language: str,
        used: frozenset[str] = frozenset(),
        asked: bool = False,
        tender: bool = False,
        seed: int = 0,
    ) -> Hit | None:
        """The snippet to tell now, or none; see `choices`."""
        found = self.choices(said, vector, language=language, used=used, asked=asked, tender=tender, seed=seed)
        return next((choice.hit for choice in found if choice.enough), None)

    def choices(
        self,
        said: Sequence[str],
        vector: Vectors | None = None,
        *,
        language: str,
        used: frozenset[str] = frozenset(),
        asked: bool = False,
        tender: bool = False,
        seed: int = 0,
    ) -> list[Choice]:
        """What could be told after the person's turns `said` (the last is the present one), best first.

        `vector` is the last turn already encoded by this shelf's encoder, if it is; `used` are ids told before.
        `asked`: the person asked for a joke and gets the best gentle one, however distant; any but what it shall not be
        about, and where nothing says what it shall be about, a harmless one. `tender`: something heavy
        was said earlier, so that only a gentle one will do. Which harmless one it is, the words that were said decide
        with `seed`: not everybody hears the same, nor does the same person in every talk.
        Raises EncoderError, IndexBusy.

        Nobody who writes more than MAX_CHARACTERS at once is waiting for a joke, unless they ask for one.
        """
        if not asked and said and len(said[-1]) > MAX_CHARACTERS:
            return []
        index = self.open(wait=False)
        query = query_of(said, asked=asked)
        if asked and said:
            used |= index.naming(unwanted(said[-1]))
            if not query:
                words = zlib.crc32("\n".join(said).encode("utf-8", "replace"))
                return any_of(index, "en" if language == "en" else "zh", used, words + seed)
        known = vector if vector is not None and said and query == said[-1] else None
        encoded = self.embedder.encode([query])[0] if known is None else known
        if index.corpus.snippets and len(encoded) != index.dimensions:  # an encoder of the same name, changed since
            index = self.open(anew=True, wait=False)
        language = "en" if language == "en" else "zh"
        mood = "gentle" if asked or tender else mood_of(said[-1] if said else "")
        # Who asks gets another when all gentle ones are told, or where all they said is what it shall be about.
        named = asked and not tender and bool(said) and bool(topic_of(said[-1])) and not says_more(said[-1])
        for gentle in (False,) if named else (True, False) if asked else (tender,):
            found = choices(
                index, query, encoded, language=language, mood=mood, told=used, gentle=gentle, any_score=asked
            )
            if found:
                return found
        return []

    def shown_in(self, answers: Sequence[str]) -> tuple[frozenset[str], ...]:
        """For each of the assistant's earlier texts, which snippets it offered. Raises EncoderError, IndexBusy."""
        offers = ["<details" in answer or "[//]" in answer for answer in answers]
        if not any(offers):  # as in most talks: then it does not take the index to know
            return (frozenset(),) * len(answers)
        index = self.open(wait=False)
        return tuple(
            frozenset(marked(answer)) | index.quoted_in(answer) if offer else frozenset()
            for answer, offer in zip(answers, offers, strict=True)
        )

    def get(self, snippet_id: str) -> Snippet | None:
        """The snippet of that id."""
        return self.open(wait=False).get(snippet_id)


def _stamp(folders: Sequence[Path]) -> Stamp:
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*.toml")):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
