"""Telling a human, for those whose rules ask for one: a note to an address of theirs, without a word of the talk.

Off unless PSYLITE_WEBHOOK names an address. A note holds route, level, time, and the talk's id hashed with a salt that
never leaves this machine, so that two notes about one talk can be told from two talks.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx

from psylite_pipeline.decision import Decision, Risk, Route
from psylite_pipeline.files import own_folder
from psylite_pipeline.secret import secret
from psylite_pipeline.settings import Settings

log = logging.getLogger(__name__)

#: Notes that may wait while the address does not answer. Beyond that the oldest is dropped, and that is logged.
WAITING = 200

#: Seconds until a note that was not taken is sent again, after each try: about half an hour in all.
PAUSES = (2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300)

#: The thread that sends, by which the loggers of the HTTP client know whose lines hold the address.
_THREAD = "psylite-webhook"

#: Who writes addresses into a log: httpx all of it, at INFO; httpcore the host, at DEBUG.
_TALKATIVE = ("httpx", "httpcore.connection", "httpcore.http11")


class _NotTaken(Exception):
    """The address answered that it cannot take the note now."""


@dataclass(frozen=True, slots=True, eq=False)
class _Note:
    """What is told; when it came and when it may be sent, by the monotonic clock; how often it was not taken."""

    told: dict[str, str | None]
    came: float
    due: float
    failed: int = 0


class Webhook:
    """Tells `address` of turns at `least` or above. A thread of its own sends, so no turn ever waits for it. No note
    waits for one that is not taken: of those that may be sent, the newest goes first."""

    def __init__(self, address: str, least: Risk, salt: str, *, pauses: Sequence[float] = PAUSES) -> None:
        self._address = address
        self._least = least
        self._salt = salt.encode()
        self._pauses = pauses
        self._notes: list[_Note] = []
        self._changed = threading.Condition()
        self._starting = threading.Lock()
        self._sender: threading.Thread | None = None

    def hashed(self, chat: str) -> str:
        """The id of a talk as notes name it: 16 hexadecimal digits."""
        return hmac.new(self._salt, chat.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]

    def tell(self, decision: Decision, chat: str | None) -> None:
        """Send a note if the turn asks for one. Returns at once; never raises. `chat` is hashed already."""
        if decision.risk < self._least or decision.route is Route.TASK:
            return
        when = datetime.now(UTC).isoformat(timespec="seconds")
        note = {"route": decision.route.value, "level": decision.risk.label, "time": when, "chat": chat}
        now = time.monotonic()
        self._add(_Note(note, now, now))
        try:
            self._start()
        except RuntimeError:  # no thread can be had now; the note waits for the next turn's try
            log.error("A note to PSYLITE_WEBHOOK waits: no thread can be had to send it.")

    def _start(self) -> None:
        with self._starting:
            if self._sender is None or not self._sender.is_alive():
                sender = threading.Thread(target=self._send_all, daemon=True, name=_THREAD)
                sender.start()
                self._sender = sender

    def _send_all(self) -> None:
        for name in _TALKATIVE:  # a filter holds whatever the level is, and is added once however often this runs
            logging.getLogger(name).addFilter(_is_not_ours)
        while True:
            note = self._next()
            try:
                self._send(note.told)
            except Exception as error:  # noqa: BLE001  the next note must go out; the address may be secret: not logged
                again = isinstance(error, httpx.TransportError | _NotTaken)
                if again and note.failed < len(self._pauses):
                    due = time.monotonic() + self._pauses[note.failed]
                    self._add(replace(note, due=due, failed=note.failed + 1))
                else:
                    log.error("A note to PSYLITE_WEBHOOK could not be delivered (%s).", type(error).__name__)

    def _add(self, note: _Note) -> None:
        with self._changed:
            self._notes.append(note)
            if full := len(self._notes) > WAITING:
                self._notes.remove(min(self._notes, key=lambda one: one.came))
            self._changed.notify()
        if full:
            log.error("A note to PSYLITE_WEBHOOK was dropped: too many are waiting.")

    def _next(self) -> _Note:
        """The newest of the notes that may be sent now, once there is one."""
        with self._changed:
            while not (due := [note for note in self._notes if note.due <= time.monotonic()]):
                first = min((note.due for note in self._notes), default=None)
                self._changed.wait(None if first is None else max(first - time.monotonic(), 0))
            newest = max(due, key=lambda one: one.came)
            self._notes.remove(newest)
            return newest

    def _send(self, note: dict[str, str | None]) -> None:
        status = httpx.post(self._address, json=note, timeout=10, follow_redirects=False, trust_env=False).status_code
        if status in {408, 425, 429} or status >= 500:
            raise _NotTaken
        if status >= 300:
            log.error("PSYLITE_WEBHOOK refused a note (status %d). Correct the address.", status)


def _is_not_ours(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD


def open_webhook() -> Webhook | None:
    """What the environment asks for, or None. Never raises: where it cannot be had, that is logged once."""
    try:
        settings = Settings.load()
        if not settings.webhook:
            return None
        own_folder(settings.data_dir)
        return Webhook(settings.webhook, Risk.parse(settings.webhook_level), secret(settings.webhook_salt))
    except Exception as error:  # noqa: BLE001  the edge: that nobody can be told must not cost the person the reply
        log.error("Nobody can be told through PSYLITE_WEBHOOK (%s). Run `psylite doctor`.", type(error).__name__)
        return None
