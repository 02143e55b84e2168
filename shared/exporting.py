"""Where telemetry goes: to Application Insights in Azure, to an OTLP collector or the console on laptops, else nowhere.

There is one exporter, so that nothing is told twice. Its libraries take half a second to import, and a driver may be
waiting for a process that just started: so they are loaded in a thread of their own, a moment after the start, and what
is recorded or logged until then waits for them.

All automatic instrumentation is off. It would tell addresses as they are asked: the key of eMabler's API v1 is in the
query, and id tags are in the addresses of rows.
"""

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared import telemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

START_AFTER_SECONDS: Final = 2.0
"""Longer than a worker needs from its start to the answer of the tap that it was started for."""


class Exporter(StrEnum):
    """Whom telemetry goes to."""

    AZURE_MONITOR = "azure-monitor"
    OTLP = "otlp"
    CONSOLE = "console"


SETTINGS: Final = {
    Exporter.AZURE_MONITOR: "APPLICATIONINSIGHTS_CONNECTION_STRING",
    Exporter.OTLP: "OTEL_EXPORTER_OTLP_ENDPOINT",
    Exporter.CONSOLE: "TELEMETRY_CONSOLE",
}
"""The setting by which each is chosen; of several that are set, the first one here."""

INSTRUMENTED_LIBRARIES: Final = (
    "azure_sdk",
    "django",
    "fastapi",
    "flask",
    "httpx",
    "httpx2",
    "psycopg2",
    "requests",
    "urllib",
    "urllib3",
)
"""What azure-monitor-opentelemetry would instrument by itself."""

FLUSH_SECONDS: Final = 5.0
"""How long the end of a run may wait for each kind of telemetry to be sent."""

_SERVICE: Final = "emabler-azure"
_LINES_LOGGER: Final = "emabler-azure.lines"
"""Nobody writes to it: its handler is taken from there, to be put behind ours."""
_MAX_EARLY_LINES: Final = 2_000

_log = logging.getLogger(__name__)
_started = threading.Event()


def chosen_exporter(environment: Mapping[str, str]) -> Exporter | None:
    """The one exporter that the settings name, the deployed one first; None for nowhere."""
    for exporter, name in SETTINGS.items():
        if environment.get(name, "").strip():
            return exporter
    return None


def start_later(environment: Mapping[str, str] = os.environ) -> threading.Timer | None:
    """Start the exporter that the settings name, in a moment and in another thread; returns what will start it."""
    exporter = chosen_exporter(environment)
    if exporter is None:
        return None
    telemetry.wait_for_exporter()
    _started.clear()
    lines = Lines()
    if exporter is not Exporter.CONSOLE:  # they are on the console already
        logging.getLogger().addHandler(lines)
    timer = threading.Timer(START_AFTER_SECONDS, _start, (exporter, lines))
    timer.daemon = True
    timer.start()
    return timer


class Lines(logging.Handler):
    """Hands the lines of the log to the exporter's own handler, and keeps them until there is one."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[logging.LogRecord] = deque(maxlen=_MAX_EARLY_LINES)
        self._handler: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line on, or keep it."""
        if self._handler is None:
            self._waiting.append(record)
        else:
            self._handler.handle(record)

    def hand_to(self, handler: logging.Handler) -> None:
        """Hand on what waits, and from now on everything."""
        with self.lock or nullcontext():
            while self._waiting:
                handler.handle(self._waiting.popleft())
            self._handler = handler


def start(exporter: Exporter) -> logging.Handler | None:
    """Load and start an exporter, here and now; returns its handler for lines of the log, where it takes them."""
    return _STARTS[exporter]()


def _start(exporter: Exporter, lines: Lines) -> None:
    """Start an exporter; an app that cannot tell about itself does its work all the same, and says so."""
    handler: logging.Handler | None = None
    try:
        handler = start(exporter)
    except Exception as error:  # noqa: BLE001  # whatever a telemetry library raises, it must not end the app
        # Its text could hold the connection string.
        _log.error(
            "telemetry is not exported to %s error=%s; check %s", exporter, type(error).__name__, SETTINGS[exporter]
        )
    telemetry.exporter_is_there()
    if handler is not None:
        lines.hand_to(handler)
    else:
        logging.getLogger().removeHandler(lines)
    _started.set()


def flush() -> None:
    """Send what was told so far: an instance that was started for one timer can end right after it, unasked.

    Waits for an exporter that is only just being loaded. Takes seconds: not for the loop that answers taps.
    """
    if chosen_exporter(os.environ) is None or not _started.wait(START_AFTER_SECONDS + FLUSH_SECONDS):
        return
    from opentelemetry._logs import get_logger_provider  # noqa: PLC0415  # see the module
    from opentelemetry.metrics import get_meter_provider  # noqa: PLC0415
    from opentelemetry.trace import get_tracer_provider  # noqa: PLC0415

    for provider in (get_meter_provider(), get_tracer_provider(), get_logger_provider()):
        force_flush = getattr(provider, "force_flush", None)  # what stands in for a provider has nothing to send
        if force_flush is not None:
            force_flush(int(FLUSH_SECONDS * 1000))


def _start_azure_monitor() -> logging.Handler:
    from azure.monitor.opentelemetry import configure_azure_monitor  # noqa: PLC0415  # see the module

    # What the exporter itself sends would be told, too, and told again.
    logging.getLogger("azure").setLevel(logging.WARNING)
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")  # about the library, for its makers
    configure_azure_monitor(
        resource=_resource(),
        instrumentation_options={library: {"enabled": False} for library in INSTRUMENTED_LIBRARIES},
        enable_live_metrics=False,
        enable_performance_counters=False,
        logger_name=_LINES_LOGGER,
    )
    return logging.getLogger(_LINES_LOGGER).handlers[-1]


def _start_otlp() -> logging.Handler:
    from opentelemetry._logs import set_logger_provider  # noqa: PLC0415  # see the module
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.logging.handler import LoggingHandler  # noqa: PLC0415
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415

    _provide(OTLPSpanExporter(), OTLPMetricExporter())
    lines = LoggerProvider(resource=_resource())
    lines.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    set_logger_provider(lines)
    return LoggingHandler(logger_provider=lines)


def _start_console() -> None:
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter  # noqa: PLC0415  # see the module
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

    _provide(ConsoleSpanExporter(out=sys.stderr), ConsoleMetricExporter(out=sys.stderr))


def _provide(spans: "SpanExporter", values: "MetricExporter") -> None:
    """Spans and metrics to these exporters."""
    from opentelemetry import metrics, trace  # noqa: PLC0415  # see the module
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(values)], resource=_resource()))


def _resource() -> "Resource":
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415  # see the module

    return Resource.create({SERVICE_NAME: os.environ.get("WEBSITE_SITE_NAME", _SERVICE)})


_STARTS: Final[Mapping[Exporter, Callable[[], logging.Handler | None]]] = {
    Exporter.AZURE_MONITOR: _start_azure_monitor,
    Exporter.OTLP: _start_otlp,
    Exporter.CONSOLE: _start_console,
}
