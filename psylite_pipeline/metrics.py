"""What happened how often and how long it took, for an admin's Prometheus. Never a word, never an id.

Off unless PSYLITE_METRICS_PORT is set. Labels come from lists of ours: routes, levels, parts, error types, rules.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from psylite_pipeline.decision import Decision

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds. A decision takes milliseconds; a model on a laptop takes up to minutes.
_DECIDING = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
_ANSWERING = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """Counts nothing and holds nothing."""

    def decided(self, decision: Decision) -> None:
        """A turn is answered by what was decided. What a filter sends on is counted where the pipe answers it."""

    def failed(self, part: str, reason: str) -> None:
        """A part failed, and the turn went on without it. `reason` is an error's type or a rule's id."""

    def attempt(self, part: str, work: Callable[[], T], otherwise: T) -> T:
        """`work()`, or `otherwise` where it raises, which is counted as a failure of `part`: a turn must go on. Logs
        the part, never the words."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001
            log.warning("The %s failed (%s); this turn goes on without it.", part, type(error).__name__)
            self.failed(part, type(error).__name__)
            return otherwise

    def timed(self, pieces: Iterator[T], decision: Decision) -> Iterator[T]:
        """The same pieces, with a look at the clock at the first and after the last."""
        return pieces


#: What the core uses when nobody asked for metrics.
NO_METRICS = Metrics()


class PrometheusMetrics(Metrics):
    """Counts into a registry of its own."""

    def __init__(self) -> None:
        """Raises ImportError where prometheus-client is not installed."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        own = {"registry": self.registry, "namespace": "psylite"}
        self._turns = Counter("turns", "Turns judged, by route and level.", ["route", "level"], **own)
        self._failures = Counter("failures", "Parts that failed, by part and reason.", ["part", "reason"], **own)
        self._deciding = Histogram("decision_seconds", "Time to judge a turn.", buckets=_DECIDING, **own)
        self._first = Histogram(
            "first_piece_seconds", "Time to the first piece of an answer.", ["route"], buckets=_ANSWERING, **own
        )
        self._whole = Histogram("answer_seconds", "Time to a whole answer.", ["route"], buckets=_ANSWERING, **own)
        self._open = Gauge("answers_open", "Answers that are being written now.", **own)

    def decided(self, decision: Decision) -> None:
        """See Metrics."""
        self._turns.labels(decision.route.value, decision.risk.label).inc()
        self._deciding.observe(decision.milliseconds / 1000)

    def failed(self, part: str, reason: str) -> None:
        """See Metrics."""
        self._failures.labels(part, reason).inc()

    def timed(self, pieces: Iterator[T], decision: Decision) -> Iterator[T]:
        """See Metrics. Closing the result closes `pieces`."""
        route, started, first = decision.route.value, time.perf_counter(), True
        self._open.inc()
        try:
            for piece in pieces:
                if first:
                    self._first.labels(route).observe(time.perf_counter() - started)
                    first = False
                yield piece
        finally:
            self._open.dec()
            self._whole.labels(route).observe(time.perf_counter() - started)
            if close := getattr(pieces, "close", None):
                close()


def open_metrics(port: int) -> Metrics:
    """Metrics at http://127.0.0.1:PORT/metrics, or none where `port` is 0 or cannot be had. Never raises."""
    if not port:
        return NO_METRICS
    try:
        from prometheus_client import start_http_server

        metrics = PrometheusMetrics()
        start_http_server(port, addr="127.0.0.1", registry=metrics.registry)
        return metrics
    except ImportError:
        log.error("PSYLITE_METRICS_PORT is set, but prometheus-client is missing: install psylite-pipeline[metrics].")
    except OSError as error:
        log.error("PSYLITE_METRICS_PORT: port %d cannot be had (%s). There are no metrics.", port, error.strerror)
    return NO_METRICS
