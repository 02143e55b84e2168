"""A RealTimeAuth request's body in, the answer's status and body out: read, decided, recorded."""

import logging
import time
from typing import Final

from shared import telemetry
from shared.answers import HttpAnswer
from shared.authorization.authorizer import Authorizer, OnFailure, decision_on_failure
from shared.authorization.decisions import Decided, Source
from shared.authorization.recorder import Recorder
from shared.authorization.rules import Decision
from shared.authorization.tags import Tag
from shared.emabler.realtime_auth import AuthAnswer, read_auth_request
from shared.errors import Unacceptable

UNREADABLE: Final = HttpAnswer(200, AuthAnswer(charging_allowed=False).to_json())
"""For what is no request: a 200, so that eMabler's check of the endpoint passes, and a no, so that nothing malformed
can become a yes by eMabler's fallback."""
FAILED: Final = HttpAnswer(503, b"{}")
"""With REALTIME_AUTH_ON_FAILURE=error: eMabler's own fallback decides."""

_UNREADABLE_DECISION: Final = Decision(is_allowed=False, reason=None, rule="unreadable")

ON_FAILURE_ERROR: Final = decision_on_failure(OnFailure.ERROR).rule

_log = logging.getLogger(__name__)


class Taps:
    """Answers taps. One instance serves a process."""

    def __init__(self, authorizer: Authorizer, recorder: Recorder) -> None:
        self._authorizer = authorizer
        self._recorder = recorder
        self._unreadable = 0

    async def answer(self, body: bytes) -> HttpAnswer:
        """The answer to an authenticated body; never raises."""
        started_seconds = time.perf_counter()
        with telemetry.span("answer tap") as span:
            decision, answered = await self._decide(body)
            word = _word(decision, answered)
            span.set_attributes({"answer": word, "rule": decision.rule})
        telemetry.TAPS.record(answer=word, rule=decision.rule)
        telemetry.TAPS_DURATION.record((time.perf_counter() - started_seconds) * 1000, answer=word)
        return answered

    async def _decide(self, body: bytes) -> tuple[Decision, HttpAnswer]:
        try:
            request = read_auth_request(body)
        except Unacceptable as error:
            self._unreadable += 1
            _log.warning("tap unreadable, refused: %s; %d since the start", error, self._unreadable)
            return _UNREADABLE_DECISION, UNREADABLE
        decided, tag = await self._authorizer.decide(request)
        self._recorder.keep(decided)
        _log_unusual(decided)
        return decided.decision, _answer(decided.decision, tag)


def without_rules(on_failure: OnFailure) -> HttpAnswer:
    """The answer where the rules cannot be asked at all, because the app's settings are wrong."""
    decision = decision_on_failure(on_failure)
    answered = _answer(decision, None)
    telemetry.TAPS.record(answer=_word(decision, answered), rule=decision.rule)
    return answered


def _word(decision: Decision, answered: HttpAnswer) -> str:
    """The metric's word for an answer."""
    if answered is FAILED:
        return "failed"
    return "allowed" if decision.is_allowed else "refused"


def _answer(decision: Decision, tag: Tag | None) -> HttpAnswer:
    if decision.rule == ON_FAILURE_ERROR:
        return FAILED
    answer = AuthAnswer(
        charging_allowed=decision.is_allowed,
        rfid_tag_type=tag.tag_type if tag is not None else None,
        reason=decision.reason,
    )
    return HttpAnswer(200, answer.to_json())


def _log_unusual(decided: Decided) -> None:
    """Answers by the rules are in AuthDecisions; a line for each in the log would only cost time."""
    if decided.source in {Source.STALE, Source.DEADLINE}:
        _log.warning(
            "tap answered without storage source=%s rule=%s latency_ms=%.1f",
            decided.source,
            decided.decision.rule,
            decided.latency_seconds * 1000,
        )
