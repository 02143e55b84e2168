"""What was joined before and is not clear any more: rows that hold what they should not hold."""

from shared.emabler.rest.answers import PolledSession
from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import Fragment
from shared.ingest.sessions import assemble
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.joining import ChargerSessions, join
from shared.polling.ledger import ledger_of
from shared.polling.sessions_told import KeptSession, polled_fragment, polled_id
from shared.tables.keys import transaction_row_key
from shared.tables.store import StoredRow

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
TEN = Instant.from_iso("2025-04-02T10:00:00.0000000Z")


def _polled(number, evse=None, start_seconds=0):
    start = Instant(NINE + start_seconds * TICKS_PER_SECOND)
    return PolledSession(
        "C", "1", transaction_id=number, evse_transaction_id=evse, id_tag="TAG1", started_at=start, ended_at=TEN
    )


def _pushed(name):
    told = SessionFragment(FragmentKind.FULL, started_at=NINE, ended_at=TEN, id_tag="TAG1")
    return Fragment(told, f"event of {name}", TEN, Clock.PLATFORM, "1")


def _kept(name, *fragments):
    row = {"PartitionKey": "00", "RowKey": transaction_row_key("C", name), "transaction_id": name}
    in_order = sorted(fragments, key=lambda fragment: fragment.precedence)
    return KeptSession(StoredRow(row | assemble(in_order), 'W/"1"'))


def test_a_session_that_is_in_two_rows_goes_where_its_id_is():
    """That it was joined before says nothing where it was joined twice."""
    session = _polled("900", evse="55")
    rows = [_kept(name, _pushed(name), polled_fragment(session)) for name in ("54", "55", "56")]

    (one,) = join([session], rows)

    assert one.row_key == transaction_row_key("C", "55")


def test_two_sessions_that_are_in_one_row_are_told_apart_by_their_ids():
    """Only one of them can be the pushed one."""
    right, wrong = _polled("900", evse="55"), _polled("901", evse="56", start_seconds=1)
    row = _kept("55", _pushed("55"), polled_fragment(right), polled_fragment(wrong))

    places = {polled_id(one.session): one.row_key for one in join([wrong, right], [row])}

    assert places == {
        polled_id(right): transaction_row_key("C", "55"),
        polled_id(wrong): transaction_row_key("C", "56"),
    }


def test_a_row_that_tells_nothing_counts_nothing():
    """Somebody emptied it: neither side says that there was a session."""
    emptied = KeptSession(StoredRow({"PartitionKey": "00", "RowKey": "C!55", "transaction_id": "55"}, 'W/"1"'))

    assert (
        ledger_of(ChargerSessions("C", kept=[emptied]), Instant.from_iso("2025-04-02T00:00:00.0000000Z")).entries == ()
    )


def test_a_row_that_tells_nothing_does_not_stop_the_poll_of_sessions():
    """Somebody emptied or spoiled it; the charger's sessions are joined as if it were not there."""
    row = {"PartitionKey": "00", "RowKey": "C!55", "transaction_id": "55"}
    session = PolledSession("C", "1", transaction_id="900", evse_transaction_id="56", started_at=NINE)

    for spoiled in (row, row | {"fragments": "{"}, row | {"fragments": '[{"kind": "full"}]'}):
        (one,) = join([session], [KeptSession(StoredRow(spoiled, "e"))])

        assert (one.kept, one.row_key) == (None, "C!56")
