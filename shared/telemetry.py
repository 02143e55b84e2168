"""What the app tells about itself: metrics and spans, each with one name, listed in docs/telemetry.md.

Only OpenTelemetry's API is used here, which does nothing until `shared.exporting` has chosen an exporter. Attributes
are words of our own (a type of event, a rule, a table): never an id tag, a name, a key or a body.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Final

from opentelemetry import metrics, trace
from opentelemetry.trace import Link, Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE: Final = "emabler-azure"

TRACE_PROPERTIES: Final = ("traceparent", "Diagnostic-Id")
"""Application properties in which senders of Service Bus messages tell the trace they belong to, in W3C's form; the
second is the Azure SDKs' own name for it ("Distributed tracing and correlation through Service Bus messaging")."""

_MAX_EARLY_RECORDS: Final = 10_000
_MAX_LINKS: Final = 64

_meter = metrics.get_meter(SCOPE)
_tracer = trace.get_tracer(SCOPE)
_propagator = TraceContextTextMapPropagator()


class Kind(Enum):
    """How single values become one that is exported."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(slots=True)
class _Early:
    """What was recorded before the exporter was there: a worker's first batch may be the one that alerts."""

    is_waiting: bool = False
    records: deque[tuple["Metric", float, Mapping[str, str]]] = field(
        default_factory=lambda: deque(maxlen=_MAX_EARLY_RECORDS)
    )
    lock: Lock = field(default_factory=Lock)
    """Else a value could be kept just after all that is kept was told."""


_early = _Early()


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, its unit (UCUM, as OpenTelemetry has them), and the names of its attributes."""

    kind: Kind
    name: str
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    _record: Callable[[float, Mapping[str, str]], None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the instrument behind it."""
        instrument: Callable[[float, Mapping[str, str]], None]
        if self.kind is Kind.COUNTER:
            instrument = _meter.create_counter(self.name, self.unit, self.description).add
        elif self.kind is Kind.HISTOGRAM:
            instrument = _meter.create_histogram(self.name, self.unit, self.description).record
        else:
            instrument = _meter.create_gauge(self.name, self.unit, self.description).set
        object.__setattr__(self, "_record", instrument)

    def record(self, value: float = 1, **attributes: str) -> None:
        """Add to a counter, put a value into a histogram, or set a gauge."""
        if _early.is_waiting:
            with _early.lock:
                if _early.is_waiting:
                    _early.records.append((self, value, attributes))
                    return
        self._record(value, attributes)


def wait_for_exporter() -> None:
    """Keep what is recorded until `exporter_is_there`."""
    _early.is_waiting = True


def exporter_is_there() -> None:
    """Record what waited, and from now on at once."""
    with _early.lock:
        _early.is_waiting = False
        while _early.records:
            metric, value, attributes = _early.records.popleft()
            metric.record(value, **attributes)


PUSH_EVENTS: Final = Metric(
    Kind.COUNTER, "emabler.push.events", "{event}", "Events stored for the first time", ("type", "transport")
)
PUSH_REPEATS: Final = Metric(Kind.COUNTER, "emabler.push.repeats", "{event}", "Events that were stored before")
PUSH_QUARANTINED: Final = Metric(
    Kind.COUNTER, "emabler.push.quarantined", "{message}", "Messages or events set aside in Quarantine", ("reason",)
)
PUSH_LAG: Final = Metric(
    Kind.HISTOGRAM, "emabler.push.lag", "s", "From eMabler's receive time to stored, of each event stored first"
)
INGEST_DURATION: Final = Metric(
    Kind.HISTOGRAM, "emabler.ingest.duration", "ms", "Time a batch took; one value for each batch", ("outcome",)
)
TABLES_REQUESTS: Final = Metric(
    Kind.COUNTER, "emabler.tables.requests", "{request}", "Requests sent to Table Storage", ("operation",)
)
TABLES_RETRIES: Final = Metric(
    Kind.COUNTER, "emabler.tables.retries", "{request}", "Requests that were tried again", ("reason",)
)
TAPS: Final = Metric(Kind.COUNTER, "emabler.taps", "{tap}", "Taps answered", ("answer", "rule"))
TAPS_DURATION: Final = Metric(
    Kind.HISTOGRAM, "emabler.taps.duration", "ms", "From the request in hand to its answer", ("answer",)
)
CALLERS_REFUSED: Final = Metric(
    Kind.COUNTER, "emabler.callers.refused", "{request}", "Requests without a good token", ("setting",)
)
WEBHOOK_DELIVERIES: Final = Metric(
    Kind.COUNTER, "emabler.webhook.deliveries", "{delivery}", "Deliveries at the webhook, taps aside", ("outcome",)
)
POLL_RUNS: Final = Metric(Kind.COUNTER, "emabler.poll.runs", "{run}", "Polls that ended", ("kind", "outcome"))
POLL_CALLS: Final = Metric(Kind.COUNTER, "emabler.poll.calls", "{call}", "Calls to eMabler's REST API", ("kind",))
PUSH_GAPS: Final = Metric(Kind.GAUGE, "emabler.push.gaps", "{charger}", "Chargers that push is silent about")
UNEXPLAINED_SESSIONS: Final = Metric(
    Kind.COUNTER,
    "emabler.reconciliation.unexplained",
    "{session}",
    "Sessions that a reconciliation could not explain",
)

METRICS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


@contextmanager
def span(
    name: str, links: Iterable[Link] = (), *, answers: tuple[type[Exception], ...] = (), **attributes: str | int
) -> Iterator[Span]:
    """A part of the work that is worth a line in a trace.

    Of an error only its type is told: its text could hold anything. `answers` are those that are no failures, like
    the one of a row that is there already; the attribute `answer` names them.
    """
    with _tracer.start_as_current_span(
        name, links=list(links), attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except answers as answer:
            current.set_attribute("answer", type(answer).__name__)
            raise
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def links_to_senders(messages: Iterable[Mapping[str, str] | None]) -> list[Link]:
    """The traces that messages belong to, each once, from their application properties; what is unreadable is none.

    A batch has many senders and can have but one parent, so it is linked to them (OpenTelemetry's semantic conventions
    for messaging, "Batch receiving").
    """
    traces: dict[str, None] = {}
    for properties in messages:
        for name in TRACE_PROPERTIES:
            if properties and (told := properties.get(name)):
                traces[told] = None
                break
    contexts = (_context(told) for told in list(traces)[:_MAX_LINKS])
    return [Link(context) for context in contexts if context.is_valid]


def trace_properties() -> dict[str, str]:
    """The current trace for whom we send a message to; nothing where none is recorded."""
    properties: dict[str, str] = {}
    _propagator.inject(properties)
    return properties


def request_id() -> str | None:
    """Trace and span, for a request's id in another service's own log; None where nothing is recorded."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}-{context.span_id:016x}" if context.is_valid else None


def _context(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(_propagator.extract({"traceparent": traceparent})).get_span_context()
