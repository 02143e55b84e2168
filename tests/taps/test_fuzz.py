"""Requests as nobody should send them, to the running host: never a 5xx, and never a yes that no rule says.

`make fuzz` sends 50,000. A failure names the seed and the number of the request; FUZZ_SEED=... sends the same again.
"""

import asyncio
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, replace
from random import Random

import pytest

from shared.instants import Instant
from tests.support.tapping import TOKEN, UNAUTHORIZED, UNKNOWN, Tapper, import_tags, tags_of_every_kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "5000"))
SEED = int(os.environ.get("FUZZ_SEED", str(int(time.time()))))
AT_ONCE = 16
MOST_BYTES = 16 * 1024
CHARGERS = ("C1", "C2", "DEPOT-7", "c1", "../..", "Ä ö", "x" * 255)
ANSWER_FIELDS = {"charging_allowed", "rfid_tag_type", "reason"}

WRONG_TOKENS = (
    None,
    "",
    TOKEN[:-1],
    TOKEN + "x",
    TOKEN.upper(),
    f"Bearer {TOKEN}",
    f"{TOKEN},{TOKEN}",
    "\u00e9".encode("latin-1"),
    "x" * 8000,
    "null",
)


CONTENT_TYPES = (None, "application/json", "text/plain", "application/xml", "multipart/form-data", "x" * 500, ";;")


@dataclass(frozen=True)
class Fuzzed:
    """A request, and what is known of its answer; `is_question` where it must be answered by the rules exactly."""

    body: bytes
    authorization: str | bytes | None
    is_question: bool = False
    content_type: str | None = None
    method: str = "POST"

    @property
    def headers(self):
        """With the content type and the token, where there are any."""
        named = {"Authorization": self.authorization, "Content-Type": self.content_type}
        return {name: value for name, value in named.items() if value is not None}


def _question(random, tags):
    """A well-formed question, in some spelling."""
    tag = random.choice([*tags, *tags, f"NOBODY-{random.randrange(10**9)}", "FUZZ-GOOD\u0000", "T" * 255, " \t "])
    spelled = random.choice([str, str.lower, str.swapcase, lambda text: f" {text}\t"])(tag)
    value = {"charger_id": random.choice(CHARGERS), "rfid_tag_id": spelled}
    if random.random() < 0.2:
        value["extra"] = random.choice([None, 1e300, [[]], "x" * 500])
    return value


def _well_formed(random, tags):
    value = _question(random, tags)
    body = json.dumps(value, ensure_ascii=random.random() < 0.5).encode()
    # A tag of 255 characters with white space around it is too long to be read: the answer is a no all the same.
    return body, all(0 < len(value[name]) <= 255 for name in ("charger_id", "rfid_tag_id"))


def _damaged(random, tags):  # noqa: PLR0911  # one kind of damage after the other
    """A question with something wrong in its bytes or its values."""
    body = bytearray(json.dumps(_question(random, tags)).encode())
    match random.randrange(9):
        case 0:
            return bytes(body[: random.randrange(len(body))])
        case 1:
            for _ in range(random.randint(1, 5)):
                body[random.randrange(len(body))] ^= 1 << random.randrange(8)
            return bytes(body)
        case 2:
            return json.dumps([json.loads(body)] * random.randint(0, 3)).encode()
        case 3:
            return json.dumps(body.decode()).encode()
        case 4:
            return body.decode().encode(random.choice(["utf-16", "utf-32", "utf-8-sig"]))
        case 5:
            return body[:-1] + b',"rfid_tag_id":' + random.choice([b"null", b'"FUZZ-BLOCKED"', b"1e999", b"[]"]) + b"}"
        case 6:
            depth = random.randint(1, 3000)
            return b'{"a":' * depth + bytes(body) + b"}" * depth
        case 7:
            wrong = random.choice([None, True, 5, -1e400, ["FUZZ-GOOD"], {"a": "FUZZ-GOOD"}, "", "x" * 256])
            return json.dumps(json.loads(body) | {random.choice(["charger_id", "rfid_tag_id"]): wrong}).encode()
        case _:
            return random.randbytes(random.randrange(200))


def _fuzzed(random, tags):
    """A request of any kind; what it says of its content must not matter, and a GET is a check of the endpoint."""
    method = "GET" if random.random() < 0.03 else "POST"
    return replace(_posted(random, tags), content_type=random.choice(CONTENT_TYPES), method=method)


def _posted(random, tags):
    authorization = TOKEN if random.random() < 0.75 else random.choice(WRONG_TOKENS)
    dice = random.random()
    if dice < 0.02:
        body, _ = _well_formed(random, tags)
        return Fuzzed(body + b" " * random.choice([MOST_BYTES, 100_000]), authorization)
    if dice < 0.6:
        return Fuzzed(*_swapped(_well_formed(random, tags), authorization))
    return Fuzzed(bytes(_damaged(random, tags)), authorization)


def _swapped(pair, authorization):
    body, is_question = pair
    return body, authorization, is_question


def _expected(body, kinds):
    """By the oracle: what the question in a body must be answered, None where Python's own reader finds none."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
        charger_id, tag = value["charger_id"], value["rfid_tag_id"]
        if not (isinstance(charger_id, str) and isinstance(tag, str) and max(len(charger_id), len(tag)) <= 255):
            return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    canonical = tag.strip().upper()
    if not canonical or any(ord(character) < 32 for character in canonical):
        return UNAUTHORIZED
    return kinds[canonical][1](charger_id) if canonical in kinds else UNKNOWN


def _fault(fuzzed, answer, kinds):  # noqa: PLR0911  # one property after the other
    """What is wrong with an answer; None where nothing is."""
    if fuzzed.method == "GET":
        return None if (answer.status, answer.body) == (200, {"status": "ok"}) else "the check of the endpoint failed"
    if fuzzed.authorization != TOKEN:
        return None if (answer.status, answer.body) == (401, {}) else "a stranger was not sent away"
    if len(fuzzed.body) > MOST_BYTES:
        return None if (answer.status, list(answer.body)) == (413, ["error"]) else "too much was read"
    if answer.status != 200:
        return "not a 200"
    if type(answer.body.get("charging_allowed")) is not bool or not answer.body.keys() <= ANSWER_FIELDS:
        return "not an answer that eMabler documents"
    expected = _expected(fuzzed.body, kinds)
    given = (answer.body["charging_allowed"], answer.body.get("reason"))
    if given[0] and (expected is None or not expected[0]):
        return "a yes that no rule says"
    if fuzzed.is_question and given != expected:
        return f"not what the rules say, which is {expected}"
    return None


async def test_fuzzed_requests_get_no_5xx_and_no_yes_that_no_rule_says(stack_of, record_property):
    """Well-formed and damaged questions, right and wrong tokens, small and large; against the oracle of the list."""
    record_property("seed", SEED)
    random = Random(SEED)
    kinds = tags_of_every_kind(Instant.now())
    requests = [_fuzzed(random, list(kinds)) for _ in range(REQUESTS)]
    stack = stack_of()
    await asyncio.to_thread(stack.__enter__)
    try:
        await import_tags(stack.event_storage, [tag for tag, _ in kinds.values()])
        async with Tapper(stack.functions_url, at_once=AT_ONCE) as tapper:
            answers = await asyncio.gather(*(tapper.send(each.body, each.headers, each.method) for each in requests))
        output = stack.output("functions")
    finally:
        await asyncio.to_thread(stack.stop)

    faults = [
        f"seed {SEED}, request {number}: {fault}: {request} -> {answer.status} {answer.body}"
        for number, (request, answer) in enumerate(zip(requests, answers, strict=True))
        if (fault := _fault(request, answer, kinds))
    ]
    assert faults[:5] == []
    statuses = Counter(answer.status for answer in answers)
    assert statuses.keys() == {200, 401, 413}, f"seed {SEED}"
    assert sum(answer.body == {"charging_allowed": True} for answer in answers) > REQUESTS / 20, f"seed {SEED}"
    assert "Traceback" not in output, f"seed {SEED}"
