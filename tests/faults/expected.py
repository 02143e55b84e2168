"""What must become of a flow of which one request fails: the promises, written out for every cell of the matrix.

The first line that fits a cell counts. Whatever it says, afterwards the tables are as after clean runs: that is checked
for every cell alike, and no line can allow anything else.

| word | the flow ... |
| --- | --- |
| `ok` | ends as if nothing had been, and the tables are as after a clean run |
| `back` | raises StorageUnavailable: the broker, the timer or the operator brings it again |
| `503` | (webhook) answers 503: eMabler brings the event again |
| `mode` | (tap) answers in time as the operator chose for failures |
| `last` | (tap) answers in time by what was last known |
| `wait` | (recorder) keeps the decisions in memory until storage takes them |
| `other` | (poll) is left to another run; (command) raises ListChanged: look, and run it again |
| `null` | (health) tells the rest, and of this that it is not known |
| `later` | (poll) succeeds, and leaves a row that another worker changed to the next run |

`passing` are the faults that the app must get over for as long as its time lasts: both time-outs, 429, 500, 503 and a
connection that is reset. A 409 to a request that inserts, and a 412 to one that updates, are true: another worker was
faster. To any other request they make no sense, and what makes no sense is given back at once, and is never a reason
to set good messages aside (`shared/tables/faults.py`).
"""

from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from tests.support.faulty_tables import Fault, Lasting, Request

WORDS: Final = {
    "ridden out": "ok",
    "given back": "back",
    "on-failure-deny": "mode",
    "allowed, as last known": "last",
    "waiting": "wait",
    "raises ListChanged": "other",
    "raises AnotherRun": "other",
    "raises RowChanged": "other",
    "ok, None in quarantine": "null",
}
"""What was found, as the table has it."""

_PASSING: Final = "passing"
_PASSING_FAULTS: Final = frozenset(Fault) - {Fault.CONFLICT, Fault.PRECONDITION, Fault.SLOW}

_TABLE: Final = """
flow              | request            | faults          | once | twice | partition | all

# A statistic is worth no redelivery: it is not counted, and the batch is stored.
ingest*           | * Drift            | *               | ok   | ok    | ok        | ok
webhook           | * Drift            | *               | ok   | ok    | ok        | ok

# The webhook has eight seconds and a request ten: one that is not answered takes all of them, and one slow one fits.
webhook           | *                  | time-out*       | 503  | 503   | 503       | 503
webhook           | insert*            | 409             | ok   | ok    | ok        | 503
webhook           | update*            | 412             | ok   | ok    | 503       | 503
webhook           | *                  | 409/412         | 503  | 503   | 503       | 503
webhook           | *                  | passing         | ok   | ok    | 503       | 503
webhook           | *                  | slow            | ok   | ok    | ok        | 503 ok

# A tap whose answer does not hang on the charger is not held up by it.
tap, tag unknown  | find ChargerStatus | *               | ok   | ok    | ok        | mode
tap, tag unknown  | get Layout         | *               | ok   | ok    | ok        | mode
tap, known before | find ChargerStatus | *               | ok   | ok    | ok        | last
# What is refused at once is asked once more within the tap's 0.8 s; the second pause would end after them.
tap, known before | *                  | 500/503/reset   | ok   | last  | last      | last
tap, known before | *                  | *               | last | last  | last      | last
tap*              | *                  | 500/503/reset   | ok   | mode  | mode      | mode
tap*              | *                  | *               | mode | mode  | mode      | mode

# Unknown tags are counted as well as may be; decisions are kept.
recorder*         | * UnknownTags      | *               | ok   | ok    | ok        | ok
recorder*         | *                  | slow            | ok   | ok    | ok        | ok
recorder*         | insert*/create*    | 409             | ok   | ok    | ok        | wait
recorder*         | create*            | time-out?after  | ok   | ok    | ok        | wait
recorder*         | insert*            | time-out?after  | ok   | ok    | ok wait   | ok wait
recorder*         | *                  | *               | ok   | ok    | wait      | wait

# Health has three seconds: for two pauses of our own, or one that Retry-After asks for.
health            | find Quarantine    | 500/503/reset   | ok   | ok    | null      | back
health            | find Quarantine    | 429             | ok   | null  | null      | back
health            | find Quarantine    | *               | null | null  | null      | back
health            | *                  | 500/503/reset   | ok   | ok    | back      | back
health            | *                  | 429             | ok   | back  | back      | back
health            | *                  | *               | back | back  | back      | back

# Somebody else's change of the lists is never overwritten.
import, next list | update Tags        | 412             | other | other | other    | back
roll back         | update Tags        | 412             | other | other | other    | back
add*/revoke*      | update*            | 412             | ok   | ok    | other     | back

# A run whose lease another one took is left to it; a row that another worker changed is left to the next run.
poll*/reconcile   | update PollState   | 412             | ok other | ok other | other | back
poll*/reconcile   | delete*            | 412             | later | later | later     | back
# Writing down how a run ended has ten seconds, and so has a request.
poll*/reconcile   | update PollState   | time-out*       | ok back | ok back | back  | back

# Everything else, and all of ingest.
*                 | *                  | slow            | ok   | ok    | ok        | ok
*                 | *insert*/create*   | 409             | ok   | ok    | ok        | back
*                 | drop*              | 409             | ok   | ok    | back      | back
*                 | *update*           | 412             | ok   | ok    | back      | back
*                 | *                  | 409/412         | back | back  | back      | back
*                 | *                  | passing         | ok   | ok    | back      | back
"""


class Line(NamedTuple):
    """A line of the table."""

    flows: list[str]
    requests: list[str]
    faults: list[str]
    words: dict[Lasting, list[str]]

    def fits(self, flow: str, request: Request, fault: Fault) -> bool:
        """Whether it is about such a cell."""
        is_passing = _PASSING in self.faults and fault in _PASSING_FAULTS
        return (
            any(fnmatchcase(flow, pattern) for pattern in self.flows)
            and any(fnmatchcase(str(request), pattern) for pattern in self.requests)
            and (is_passing or any(fnmatchcase(fault.replace(" ", "-"), pattern) for pattern in self.faults))
        )


def _lines() -> list[Line]:
    texts = [line for line in _TABLE.splitlines()[2:] if line and not line.startswith("#")]
    return [_line([part.strip() for part in text.split("|")]) for text in texts]


def _line(parts: list[str]) -> Line:
    flows, requests, faults, *words = parts
    allowed = {lasting: text.split() for lasting, text in zip(Lasting, words, strict=True)}
    return Line(flows.split("/"), requests.split("/"), faults.split("/"), allowed)


LINES: Final = _lines()


def line_of(flow: str, request: Request, fault: Fault) -> Line:
    """The first line that fits; there is always one."""
    return next(line for line in LINES if line.fits(flow, request, fault))


def word_of(outcome: str) -> str:
    """What was found in a cell, as the table has it."""
    return "later" if ", rows differ" in outcome else WORDS.get(outcome, outcome)
