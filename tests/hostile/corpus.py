"""Bodies that nobody should send, each made from a seed and its number alone, so that one can be made again.

`random_body` knows nothing of the vendor; `mutated_message` begins with a documented message and breaks it once to four
times. Both stay under 64 KiB, and neither makes what a reader may answer in two ways.
"""

import json
import string
from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.messages import DOCUMENTED, documented

MOST_BYTES = 64 * 1024
DEEPER_THAN_ANY_READER = 5000

Fields = dict[str, Any]

_TOKENS = [*'{}[]:,"', '""', "null", "true", "-0", "1e9", "NaN", "-Infinity", '"chargerId"', '"\\ud83d"', " ", "\r\n"]
_LETTERS = string.printable + "éß€😀\u2028\u202e\ufeff\ufffe\x00\x1f\x7f\x9f"
_TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2016-12-31T23:59:60Z", "2080-01-01T00:00:00", "soon"]
_SCALARS = [None, True, False, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 5e-324, -1.7e308, "", " ", "0", "-"]
_TEXTS = [
    "NaN",
    "Infinity",
    "1e400",
    "0x10",
    "1,5",
    "1_000",
    "../..",
    "C1!charger",
    "~~",
    "a'b",
    "%2F",
    "#?/\\",
    *_TIMES,
]
_ODD_TEXTS = [
    "\x00\x1f\x7f\x9f",
    "\ufffe\uffff",
    "\ufeff",
    "\u202e\u2028",
    "é" * 3000,
    "😀" * 1500,
    "x" * 4000,
    "x" * 4001,
]


def random_body(random: Random) -> bytes:
    """Bytes, text, pieces of JSON in any order, JSON that means nothing, or one long run of something."""
    length = random.choice([0, 1, 7, 64, 64, 300, 300, 300, 2000, 2000, 20_000, MOST_BYTES])
    return random.choice(_BODIES)(random, length)[:MOST_BYTES]


def mutated_message(random: Random) -> bytes:
    """A documented message with something wrong: in its fields, its values, its wrapping or its bytes."""
    message = documented(*random.choice(DOCUMENTED))
    for _ in range(random.randint(0, 3)):
        message = random.choice(_FIELD_MUTATIONS)(random, message)
    written = json.dumps(message, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return random.choice(_BODY_MUTATIONS)(random, written)[:MOST_BYTES]


def _bytes(random: Random, length: int) -> bytes:
    return random.randbytes(length)


def _text(random: Random, length: int) -> bytes:
    return "".join(random.choices(_LETTERS, k=length)).encode()


def _tokens(random: Random, length: int) -> bytes:
    return "".join(random.choices(_TOKENS, k=length)).encode()


def _json(random: Random, length: int) -> bytes:
    return json.dumps(_value(random, min(length, 300))).encode()


def _objects(random: Random, length: int) -> bytes:
    fields = {_name(random): _value(random, 3) for _ in range(min(length, 500))}
    if random.random() < 0.7:
        fields["chargerId"] = "C1"
    return json.dumps(random.choice([fields, [fields, fields], json.dumps(fields)])).encode()


def _run(random: Random, length: int) -> bytes:
    return (
        random.choice([b"[", b"{", b'{"a":', b'"', b"\\", b"\x00", b"\xff", b"\xef\xbb\xbf", b" ", b"9", b"-"]) * length
    )


_BODIES: list[Callable[[Random, int], bytes]] = [_bytes, _text, _tokens, _json, _objects, _run]


def _name(random: Random) -> str:
    known = ["chargerId", "CHARGERID", "status", "measurements", "action", "timeStamp", "consumptionWh", "rfid_tag_id"]
    return random.choice([random.choice(known), "".join(random.choices(_LETTERS, k=random.randint(0, 12)))])


def _value(random: Random, leaves: int) -> Any:
    """A JSON value with at most so many leaves."""
    if leaves <= 1:
        return random.choice([*_SCALARS, *_TEXTS, *_ODD_TEXTS[:4]])
    share = leaves // random.randint(2, 5)
    if random.random() < 0.5:
        return [_value(random, share) for _ in range(random.randint(0, 4))]
    return {_name(random): _value(random, share) for _ in range(random.randint(0, 4))}


def _somewhere(random: Random, message: Fields) -> Fields:
    """The message, or one of the objects in its list."""
    items = message.get("measurements")
    objects = [item for item in items if isinstance(item, dict) and item] if isinstance(items, list) else []
    return random.choice([message, *objects]) if message else {"chargerId": "C1"}


def _drop(random: Random, message: Fields) -> Fields:
    fields = _somewhere(random, message)
    fields.pop(random.choice(list(fields)))
    return message


def _retype(random: Random, message: Fields) -> Fields:
    fields = _somewhere(random, message)
    name = random.choice(list(fields))
    old = fields[name]
    fields[name] = random.choice([str(old), [old], {name: old}, bool(old), None, [], {}, len(str(old)), -0.5])
    return message


def _replace(random: Random, message: Fields) -> Fields:
    fields = _somewhere(random, message)
    fields[random.choice(list(fields))] = random.choice([*_SCALARS, *_TEXTS, *_ODD_TEXTS, "\ud83d", "\udc00x"])
    return message


def _rename(random: Random, message: Fields) -> Fields:
    fields = _somewhere(random, message)
    name = random.choice(list(fields))
    fields[random.choice([name.upper(), name + "s", f" {name}", "", "PartitionKey", "\x00", "odata.type"])] = (
        fields.pop(name)
    )
    return message


def _nest(random: Random, message: Fields) -> Fields:
    fields = _somewhere(random, message)
    name = random.choice(list(fields))
    for _ in range(random.choice([1, 20, 100])):
        fields[name] = [fields[name]]
    return message


def _double(random: Random, message: Fields) -> Fields:
    fields = _somewhere(random, message)
    name = random.choice(list(fields))
    value = fields[name]
    fields[name] = value * random.choice([2, 30]) if isinstance(value, str | list) else [value, value]
    return message


def _wrap(random: Random, message: Fields) -> Fields:
    return {random.choice(["data", "events", "message", "chargerId"]): message}


_FIELD_MUTATIONS: list[Callable[[Random, Fields], Fields]] = [_drop, _retype, _replace, _rename, _nest, _double, _wrap]


def _as_it_is(_random: Random, body: bytes) -> bytes:
    return body


def _truncate(random: Random, body: bytes) -> bytes:
    return body[: random.randrange(len(body))] if body else body


def _flip_bits(random: Random, body: bytes) -> bytes:
    flipped = bytearray(body)
    for _ in range(random.choice([1, 1, 8])):
        flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _repeat_key(random: Random, body: bytes) -> bytes:
    return body.replace(
        b"{", b'{"chargerId":"FIRST","status":NULL,'.replace(b"NULL", random.choice([b"null", b'"x"'])), 1
    )


def _no_json_number(random: Random, body: bytes) -> bytes:
    number = random.choice(
        [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"01", b"+1", b"1.", b".5", b"0x1F"]
    )
    return body.replace(b"{", b'{"x":' + number + b",", 1)


def _half_characters(random: Random, body: bytes) -> bytes:
    half = random.choice([b"\\ud83d", b"\\ude00", b"\\ude00\\ud83d", b"\xed\xa0\xbd", b"\\u0000", b"\xf0\x9f\x98"])
    return body.replace(b'":"', b'":"' + half, random.choice([1, 99]))


def _other_encoding(random: Random, body: bytes) -> bytes:
    encoding = random.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"])
    return body.decode("utf-8", "replace").encode(encoding, "replace")


def _in_a_string(random: Random, body: bytes) -> bytes:
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        body = json.dumps(body.decode("utf-8", "replace")).encode()
    return body


def _in_an_array(random: Random, body: bytes) -> bytes:
    filling = random.choice([b"%s", b"%s,%s", b"%s,null,1,%s,{}", b"[%s]", b"%s,"])
    return b"[" + filling.replace(b"%s", body) + b"]"


def _too_deep(random: Random, body: bytes) -> bytes:
    opening, closing = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return b'{"x":' + opening * DEEPER_THAN_ANY_READER + body + closing * DEEPER_THAN_ANY_READER + b"}"


def _junk_around(random: Random, body: bytes) -> bytes:
    return random.choice([body + b"\x00", b"\x00" + body, body + body, body + b",", b")]}'\n" + body, b"\n\t " + body])


_BODY_MUTATIONS: list[Callable[[Random, bytes], bytes]] = [
    *[_as_it_is] * 8,  # what is wrong with the fields has to come through, too
    _truncate,
    _flip_bits,
    _repeat_key,
    _no_json_number,
    _half_characters,
    _other_encoding,
    _in_a_string,
    _in_an_array,
    _too_deep,
    _junk_around,
]
