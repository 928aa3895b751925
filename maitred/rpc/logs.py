"""Structured logs of a process: one line an event, on stderr, for people at a terminal and as JSON for programs."""

import logging
import sys
from functools import partial

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor


def configure_logs(*, level: str = "INFO", service: str = "") -> None:
    """Sets up logging once for the process, of libraries too. stdout stays the operator's.

    `service` is put into every line, to tell the lines of several services on one terminal apart.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        partial(_add_service, service),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if sys.stderr.isatty():
        rendered: list[Processor] = [structlog.dev.ConsoleRenderer()]
    else:
        # Without the local variables: they hold what customers wrote.
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        rendered = [structlog.processors.ExceptionRenderer(traceback), structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_libraries([*shared, structlog.stdlib.ExtraAdder()], rendered)


def logger() -> FilteringBoundLogger:
    """Returns a logger: `logger().info("offer_expired", offer=..., agent=...)`."""
    bound: FilteringBoundLogger = structlog.get_logger()
    return bound


def _add_service(service: str, _logger: object, _method: str, event: EventDict) -> EventDict:
    if service:
        event["service"] = service
    return event


def _configure_libraries(shared: list[Processor], rendered: list[Processor]) -> None:
    """Gives the standard library's logging, which asyncio and grpc use, the same form from WARNING on."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
