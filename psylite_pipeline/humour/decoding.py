"""The text in a file, whatever it is encoded in."""

from __future__ import annotations

import codecs
import unicodedata
from pathlib import Path

from charset_normalizer import from_bytes

#: A file larger than this is refused: it is read whole.
MAX_SOURCE_BYTES = 64_000_000

_ENCODINGS = ["utf_8", "gb18030", "big5", "utf_16_le", "utf_16_be", "cp1252"]
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins like the mark of UTF-16 and stands before it
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def decoded(path: Path) -> tuple[str, str]:
    """The text of a file, and the sentence that says why there is none (one of the two is empty)."""
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            return "", f"larger than {MAX_SOURCE_BYTES // 1_000_000} MB. Split the file."
        data = path.read_bytes()
    except OSError as error:
        return "", f"cannot be read ({error.strerror or type(error).__name__})."
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            text = data.decode(encoding, "replace")
            break
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = str(from_bytes(data, cp_isolation=_ENCODINGS).best() or "")
        if "\0" in text or not text:  # UTF-16 without a mark is valid UTF-8 where it holds Latin letters only
            text = str(from_bytes(data, cp_isolation=["utf_16_le", "utf_16_be"]).best() or "") if data else " "
    if not text or not _readable(text):
        return "", "is no text."
    return text, ""


def _readable(text: str) -> bool:
    """Whether the beginning looks written: few control characters and none without a meaning."""
    part = text[:20_000]
    odd = sum(unicodedata.category(char) in {"Cc", "Cn", "Co", "Cs"} and char not in "\t\n\r\f" for char in part)
    return "\0" not in part and odd + part.count("\ufffd") <= len(part) // 100
