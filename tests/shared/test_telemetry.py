"""What the app tells about itself: nothing lost on its way, nothing personal, every name documented."""

import re
from pathlib import Path

import azure.functions as func
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from handlers.http import refusal
from shared import telemetry
from shared.authorization.authorizer import OnFailure
from shared.authorization.taps import without_rules
from shared.callers import TAPS
from shared.telemetry import METRICS, TRACE_PROPERTIES, Kind, Metric

DOCUMENT = Path(__file__).parents[2] / "docs" / "telemetry.md"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans(monkeypatch):
    """The spans that were told."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    return exporter


@pytest.fixture
def told(monkeypatch):
    """The values that were told, by the metric's name."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(telemetry, "_meter", provider.get_meter("test"))

    def values():
        data = reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        return {metric.name: list(metric.data.data_points) for metric in metrics}

    return values


def test_each_kind_of_metric_is_told_with_its_attributes(told):
    """Sums, distributions, and the last value."""
    Metric(Kind.COUNTER, "c", "{event}", "Counted", ("type",)).record(2, type="a")
    gauge = Metric(Kind.GAUGE, "g", "{charger}", "Now")
    gauge.record(5)
    gauge.record(3)
    Metric(Kind.HISTOGRAM, "h", "ms", "Spread").record(12.5)

    values = told()

    assert (values["c"][0].value, dict(values["c"][0].attributes)) == (2, {"type": "a"})
    assert values["g"][0].value == 3
    assert (values["h"][0].count, values["h"][0].sum) == (1, 12.5)


def test_what_is_recorded_before_there_is_an_exporter_is_told_then(told):
    """A worker's first batch may be the one that is to raise an alert."""
    counter = Metric(Kind.COUNTER, "early", "{event}", "Counted")
    telemetry.wait_for_exporter()
    counter.record()
    counter.record(2)
    assert told() == {}

    telemetry.exporter_is_there()
    counter.record(4)

    assert told()["early"][0].value == 7


def test_an_error_is_told_by_its_type_alone(spans):
    """Its text could hold a tag."""
    with pytest.raises(ValueError, match="TAG123"), telemetry.span("work", rows=3):
        raise ValueError("TAG123")

    (span,) = spans.get_finished_spans()
    assert (span.name, dict(span.attributes), list(span.events)) == ("work", {"rows": 3}, [])
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")


def test_an_answer_that_comes_as_an_error_is_no_failure(spans):
    """A repeat meets its original: the trace must not show that in red."""
    with pytest.raises(KeyError), telemetry.span("work", answers=(KeyError,)):
        raise KeyError("there")

    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, dict(span.attributes)) == (StatusCode.UNSET, {"answer": "KeyError"})


@pytest.mark.parametrize("name", TRACE_PROPERTIES)
def test_a_batch_is_linked_to_each_trace_of_its_messages_once(spans, name):
    """Several messages of one trace, messages of none, and what is no trace at all."""
    messages = [
        {name: f"00-{TRACE}-{SPAN}-01"},
        {name: f"00-{TRACE}-{SPAN}-01", "transport": "webhook"},
        {name: f"00-{TRACE[::-1]}-{SPAN}-00"},
        {name: "nonsense"},
        {},
        None,
    ]

    with telemetry.span("store batch", telemetry.links_to_senders(messages)):
        pass

    (span,) = spans.get_finished_spans()
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE, TRACE[::-1]]


def test_links_have_a_limit():
    """A batch of a thousand messages must not make a span of a thousand lines."""
    messages = [{"traceparent": f"00-{number:032x}-{SPAN}-01"} for number in range(1, 1001)]

    assert len(telemetry.links_to_senders(messages)) == 64


def test_the_trace_goes_on_to_whom_we_write(spans):
    """Into the message that the webhook sends, and into storage's own log."""
    assert (telemetry.trace_properties(), telemetry.request_id()) == ({}, None)

    with telemetry.span("outer") as span:
        context = span.get_span_context()
        properties, request_id = telemetry.trace_properties(), telemetry.request_id()

    assert properties["traceparent"].startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-0")
    assert request_id == f"{context.trace_id:032x}-{context.span_id:016x}"
    assert len(spans.get_finished_spans()) == 1


class Recorded:
    """In the place of a metric: what was recorded."""

    def __init__(self):
        self.values = []

    def record(self, value=1, **attributes):
        """Keep it."""
        self.values.append((value, attributes))


@pytest.mark.parametrize(
    ("on_failure", "answer"), [(OnFailure.DENY, "refused"), (OnFailure.ALLOW, "allowed"), (OnFailure.ERROR, "failed")]
)
def test_a_tap_that_the_rules_could_not_be_asked_about_is_told(monkeypatch, on_failure, answer):
    """Where a setting is wrong every tap is one, and the answer itself shows nothing of it."""
    taps = Recorded()
    monkeypatch.setattr(telemetry, "TAPS", taps)

    without_rules(on_failure)

    assert taps.values == [(1, {"answer": answer, "rule": f"on-failure-{on_failure}"})]


def test_who_is_refused_at_the_door_is_told_by_the_setting(monkeypatch):
    """And not by what was shown."""
    refused = Recorded()
    monkeypatch.setattr(telemetry, "CALLERS_REFUSED", refused)
    monkeypatch.setenv("REALTIME_AUTH_TOKENS", "good")
    for token in ("bad", "good"):
        request = func.HttpRequest("POST", "http://x/api", headers={"Authorization": token}, body=b"{}")
        refusal(request, TAPS, 100)

    assert refused.values == [(1, {"setting": "REALTIME_AUTH_TOKENS"})]


def test_every_metric_is_documented_with_its_unit_kind_and_attributes():
    """And no other: docs/telemetry.md is what alerts and queries are written from."""
    row = re.compile(r"^\| `(emabler\.[a-z.]+)` \| (\w+) \| `([^`]+)` \|([^|]*)\|", re.MULTILINE)
    documented = {
        (name, kind, unit, tuple(re.findall(r"`(\w+)`", attributes)))
        for name, kind, unit, attributes in row.findall(DOCUMENT.read_text())
    }

    assert documented == {(m.name, m.kind.value, m.unit, m.attributes) for m in METRICS}
