"""Engine, images and project, made once. Without an engine the tests are skipped with the reason; in CI they fail."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack_tests.engine import Engine, NoEngine
from stack_tests.images import ROOT, Images, build, webui_environment
from stack_tests.project import Person, Project

FIGURES: dict[str, str] = {}


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Everything the test writes: PSYLITE_TEST_STACK_DIR, which stays, or one that goes."""
    kept = os.environ.get("PSYLITE_TEST_STACK_DIR")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept)
    else:
        made = Path(tempfile.mkdtemp(prefix="psylite-stack-"))
        yield made
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def engine(folder: Path) -> Iterator[Engine]:
    """A Docker engine."""
    engine = Engine(folder)
    try:
        engine.start()
    except NoEngine as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no Docker engine: {reason}")
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def images(engine: Engine, folder: Path) -> Images:
    """All images, ours built just now."""
    try:
        return build(engine, folder)
    except NoEngine as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))


@pytest.fixture(scope="session")
def project(engine: Engine, images: Images, folder: Path) -> Iterator[Project]:
    """The compose project, up and healthy."""
    project = Project(engine, images, webui_environment(ROOT / ".venv" / "stack-test"), folder)
    project.compose("down", "-v", "--remove-orphans")
    try:
        FIGURES["seconds until all is healthy"] = f"{project.up():.0f}"
        yield project
    finally:
        project.compose("down", "-v", "--remove-orphans")


@pytest.fixture(scope="session")
def admin(project: Project) -> Person:
    """Who signs up first."""
    return Person(project.url, "admin", "signup")


@pytest.fixture(scope="session")
def user(project: Project, admin: Person) -> Person:
    """An ordinary person, without any grant."""
    return admin.adds(project.url, "someone")


@pytest.fixture(scope="session")
def figures() -> dict[str, str]:
    """What was measured; shown at the end."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures."""
    for name, figure in FIGURES.items():
        terminalreporter.write_line(f"{name}: {figure}")
