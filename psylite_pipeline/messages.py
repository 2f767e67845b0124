"""The messages of a request, in whatever form a host or an API caller sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_one_form(messages: Any) -> Any:
    """A request's messages in the one form every plugin of a server can read: a role, and a text or typed parts.

    No word is lost and no picture changed. What is no message and holds no words is left out; a message without a
    role is the person's. Anything but messages is given back as it is.
    """
    if isinstance(messages, str | Mapping):
        messages = [messages]
    if not isinstance(messages, list | tuple):
        return messages
    return [_readable(message) for message in map(message_of, messages) if message is not None]


def message_of(given: Any) -> Mapping[str, Any] | None:
    """A message; bare words or parts are the content of one. None where it is neither."""
    if isinstance(given, Mapping):
        return given
    return {"content": given} if plain(given) != ("", False) else None


def _readable(message: Mapping[str, Any]) -> dict[str, Any]:
    role, content = message.get("role"), message.get("content")
    content = [content] if isinstance(content, Mapping) else content
    if isinstance(content, list | tuple):
        content = [part for part in map(_part, content) if part]
    elif not isinstance(content, str):
        content = ""
    return {**message, "role": role if isinstance(role, str) else "user", "content": content}


def _part(part: Any) -> Any:
    """A part with its type: a whole text part or a picture as it is, else its words. None where it holds nothing."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return part
    typed = isinstance(kind, str) and kind != "text"
    text, has_image = plain(part)
    if has_image and not typed:
        whole = part if isinstance(part, Mapping) else {"content": part}
        return {**whole, "type": "image_url" if _is_image(whole) else "parts"}
    if text and not has_image:
        return {"type": "text", "text": text}
    return part if typed else None


def plain(content: Any) -> tuple[str, bool]:
    """A message's content as text, and whether it holds a picture. Content may be text, parts however nested, or
    nothing."""
    if isinstance(content, str):  # most messages of a long talk
        return _writable(content), False
    texts: list[str] = []
    has_image = False
    left = [content]
    while left:  # no recursion: a part may be nested as deep as its sender likes
        part = left.pop()
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, list | tuple):
            left.extend(reversed(part))
        elif isinstance(part, Mapping):
            has_image = has_image or _is_image(part)
            left.extend(part[key] for key in ("value", "content", "text") if key in part)
    return _writable("\n".join(texts)), has_image


def _is_image(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return "image_url" in part or (isinstance(kind, str) and "image" in kind)


def _writable(text: str) -> str:
    """`text` without lone surrogates: no wire can carry them, and what is judged must be what is sent."""
    return text.encode("utf-8", "ignore").decode("utf-8")
