"""With CI=true a skipped test is a failure, unless the reason is a missing GPU. scripts/check loads this."""

from __future__ import annotations

import os

import pytest


def _judge(report):
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if "GPU" not in reason:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """One test."""
    outcome = yield
    _judge(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report():
    """A module that skips itself as a whole."""
    outcome = yield
    _judge(outcome.get_result())
