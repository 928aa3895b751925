"""What services log in a test: kept as it is, and written out only under a test that fails.

Writing every line for nobody to read took a sixth of the tests' time.
"""

from collections import deque
from collections.abc import Generator
from typing import NoReturn, TypeVar

import pytest
import structlog
from structlog.typing import EventDict

Outcome = TypeVar("Outcome")

# The last lines of the test that runs; a crowd may log without end.
_LINES: deque[EventDict] = deque(maxlen=200)
_write = structlog.dev.ConsoleRenderer(colors=False)


def pytest_configure() -> None:
    """Keeps the lines of services that run in this process; `capture_logs` goes before it."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            _keep,
        ]
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, Outcome, Outcome]:
    """Begins anew with each test."""
    _LINES.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts what was logged under a failure."""
    report = yield
    if report.failed and _LINES:
        report.sections.append(("Log of the services", "\n".join(str(_write(None, "", {**line})) for line in _LINES)))
    return report


def _keep(_logger: object, _method: str, line: EventDict) -> NoReturn:
    _LINES.append(line)
    raise structlog.DropEvent
