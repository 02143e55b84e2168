"""Every request of every flow fails once in each of nine ways, twice, and for good: what then, and afterwards.

`make test` fails each request once and all of them for good; FAULTS_LASTING=all adds the two ways between.
"""

import logging
import os

import pytest

from shared.tables import bodies
from tests.faults import ingest_flows, list_flows, poll_flows, tap_flows
from tests.faults.expected import LINES, line_of, word_of
from tests.faults.matrix import Cell, Flow, Matrix
from tests.support.faulty_tables import Fault, Lasting, Order
from tests.support.messages import RECEIVED_AT
from tests.support.virtual_time import run_in_virtual_time

FLOWS = [*ingest_flows.FLOWS, *tap_flows.FLOWS, *list_flows.FLOWS, *poll_flows.FLOWS]
LASTING = list(Lasting) if os.environ.get("FAULTS_LASTING") == "all" else [Lasting.ONCE, Lasting.ALL]
_MOST_SHOWN = 20


@pytest.fixture(autouse=True)
def _small_columns(monkeypatch):
    """A body of a few kilobytes is a very large one."""
    monkeypatch.setattr(bodies, "_TEXT_LIMIT", 1_000)
    monkeypatch.setattr(bodies, "_PIECE_BYTES", 256)
    monkeypatch.setattr(bodies, "_PIECES_A_ROW", 2)


@pytest.fixture(autouse=True)
def _few_log_lines(caplog):
    """What is logged of each fault is proven where it belongs; here it would be tens of thousands of lines."""
    caplog.set_level(logging.CRITICAL)


def _wrong(flow: Flow, cell: Cell) -> list[str]:
    allowed = line_of(flow.name, cell.request, cell.fault).words[cell.lasting]
    found = word_of(cell.outcome)
    where = f"{cell.request}, {cell.fault}, {cell.lasting.value}"
    outcome = [] if found in allowed else [f"{where}: {cell.outcome}, not {' or '.join(allowed)}"]
    return outcome + [f"{where}: afterwards {text}" for text in cell.faults_afterwards]


@pytest.mark.parametrize("lasting", LASTING, ids=lambda lasting: lasting.value)
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_request_may_fail_in_every_way(flow, lasting):
    """Each cell comes to what the table says, and in the end the tables are as if nothing had been."""

    async def all_cells():
        matrix = await Matrix.of(flow)
        assert matrix.clean.first.word == flow.word
        requests = range(len(matrix.clean.requests))
        return [await matrix.cell(Order(nth, fault, lasting)) for fault in Fault for nth in requests]

    cells = run_in_virtual_time(all_cells, RECEIVED_AT)
    wrong = [text for cell in cells for text in _wrong(flow, cell)]

    assert len(cells) >= len(Fault)
    assert wrong[:_MOST_SHOWN] == []


def test_every_line_of_the_table_is_about_some_cell():
    """A line that fits nothing would promise nothing."""

    async def requests(flow):
        return (await Matrix.of(flow)).clean.requests

    def of(flow):
        return run_in_virtual_time(lambda: requests(flow), RECEIVED_AT)

    used = [line_of(flow.name, request, fault) for flow in FLOWS for request in of(flow) for fault in Fault]

    assert [line for line in LINES if line not in used] == []
