"""The OpenAPI document is true: valid, up to date, and what the functions answer fits it."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from handlers import push_webhook, realtime_auth
from handlers.http import answer
from handlers.openapi import openapi
from shared.answers import NOT_SAFE
from shared.authorization.authorizer import OnFailure
from shared.authorization.taps import UNREADABLE, without_rules
from shared.emabler.realtime_auth import AuthAnswer, Reason
from shared.openapi import document, to_json
from shared.webhook.webhook import ACCEPTED, ACCEPTED_AND_NO
from tests.support.messages import DOCUMENTED, documented

DOCS = Path(__file__).parents[2] / "docs" / "openapi.json"
FAILURES = [without_rules(each) for each in OnFailure]
TAP_ANSWERS = [
    UNREADABLE,
    *FAILURES,
    answer({}, 401),
    answer({"error": "x"}, 413),
    *((200, AuthAnswer(charging_allowed=False, reason=reason).to_json()) for reason in Reason),
    (200, AuthAnswer(charging_allowed=True, rfid_tag_type="RFID").to_json()),
]
PUSH_ANSWERS = [*TAP_ANSWERS, ACCEPTED, ACCEPTED_AND_NO, NOT_SAFE]


def _validator(schema):
    resource = Resource(contents=document(), specification=DRAFT202012)
    whole = json.loads(json.dumps(schema).replace("#/components", "urn:openapi#/components"))
    return Draft202012Validator(whole, registry=Registry().with_resource("urn:openapi", resource))


def _status_and_body(answered):
    if hasattr(answered, "get_body"):
        return answered.status_code, json.loads(answered.get_body())
    return answered[0], json.loads(answered[1])


def test_the_document_is_openapi():
    """By the specification's own schema."""
    validate(document())


def test_the_copy_in_the_docs_is_the_document():
    """A change of a model changes the docs."""
    assert DOCS.read_bytes() == to_json(), "run: .venv/bin/python -m shared.openapi > docs/openapi.json"


async def test_the_document_is_served():
    """At /api/openapi.json."""
    response = await openapi.build().get_user_function()(None)

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert json.loads(response.get_body()) == document()


@pytest.mark.parametrize(
    ("path", "answered"),
    [("/api/realtime-auth", each) for each in TAP_ANSWERS] + [("/api/push", each) for each in PUSH_ANSWERS],
)
def test_every_answer_is_in_the_document(path, answered):
    """Its status, and its body by that status's schema."""
    status, body = _status_and_body(answered)
    response = document()["paths"][path]["post"]["responses"][str(status)]

    _validator(response["content"]["application/json"]["schema"]).validate(body)


@pytest.mark.parametrize("body", [{"charging_allowed": "yes"}, {}, {"charging_allowed": True, "reason": "NO"}])
def test_what_no_function_answers_is_not(body):
    """The schemas say something."""
    schema = document()["paths"]["/api/realtime-auth"]["post"]["responses"]["200"]["content"]["application/json"]

    assert not _validator(schema["schema"]).is_valid(body)


@pytest.mark.parametrize(("generation", "name"), DOCUMENTED)
def test_documented_messages_fit_the_webhooks_schema(generation, name):
    """Alone, and in an array."""
    body = document()["paths"]["/api/push"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    message = documented(generation, name)

    _validator(body).validate(message)
    _validator(body).validate([message, message])


def test_the_limits_in_the_document_are_those_of_the_functions():
    """Told in words there."""
    paths = document()["paths"]
    told = [paths[path]["post"]["responses"]["413"]["description"] for path in ("/api/realtime-auth", "/api/push")]

    assert told == ["The body is over 16 KiB.", "The body is over 1 MiB."]
    assert (realtime_auth.MOST_BYTES, push_webhook.MOST_BYTES) == (16 * 1024, 1024 * 1024)
