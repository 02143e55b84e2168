"""Tests of the verification of shared access signatures."""

import time

import pytest
from azure.servicebus._pyamqp.utils import generate_sas_token

from local.servicebus.engine.errors import UnauthorizedError
from local.servicebus.wire.addresses import covers, entity_path
from local.servicebus.wire.tokens import authorized_scope

KEYS = {"RootManageSharedAccessKey": "SAS_KEY_VALUE"}
AUDIENCE = "sb://localhost:5672/push-events"


def sdk_token(resource=AUDIENCE, name="RootManageSharedAccessKey", key="SAS_KEY_VALUE", lifetime_seconds=3600) -> str:
    """Sign a token with the SDK's own function."""
    token = generate_sas_token(resource, name, key, time.time() + lifetime_seconds)
    return token if isinstance(token, str) else token.decode()


def test_the_sdks_signature_is_accepted():
    """A token the SDK signs opens the entity it was asked for."""
    assert authorized_scope(sdk_token(), AUDIENCE, KEYS, time.time()) == "push-events"


def test_a_token_for_the_namespace_opens_any_entity():
    """A resource without a path covers every audience."""
    token = sdk_token("sb://localhost:5672/")
    assert authorized_scope(token, AUDIENCE, KEYS, time.time()) == "push-events"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (sdk_token(key="other"), "InvalidSignature"),
        (sdk_token(name="other"), "InvalidSignature"),
        (sdk_token(lifetime_seconds=-1), "ExpiredToken"),
        (sdk_token(resource="sb://localhost:5672/other"), "InvalidAudience"),
        ("SharedAccessSignature sr=x", "MalformedToken"),
        ("SharedAccessSignature sr=x&sig=y&se=tomorrow&skn=z", "MalformedToken"),
        ("eyJhbGciOiJSUzI1NiJ9.e30.x", "shared access signatures only"),
    ],
    ids=["wrong key", "unknown key name", "expired", "another entity", "incomplete", "no expiry", "an Entra token"],
)
def test_bad_tokens_are_refused_with_the_reason(token, reason):
    """Every way a token can be wrong is told."""
    with pytest.raises(UnauthorizedError, match=reason):
        authorized_scope(token, AUDIENCE, KEYS, time.time())


def test_an_altered_token_is_refused():
    """The expiry cannot be moved without the key."""
    token = sdk_token()
    expiry = token.split("se=")[1].split("&")[0]
    with pytest.raises(UnauthorizedError, match="InvalidSignature"):
        authorized_scope(token.replace(expiry, str(int(expiry) + 9999)), AUDIENCE, KEYS, time.time())


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("amqps://localhost:5672/push-events", "push-events"),
        ("sb://host/t/Subscriptions/s/", "t/Subscriptions/s"),
        ("/push-events", "push-events"),
        ("sb://host", ""),
        ("$cbs", "$cbs"),
        (None, ""),
    ],
)
def test_addresses_name_entities(address, path):
    """The entity is found in every form of address the SDKs use."""
    assert entity_path(address) == path


@pytest.mark.parametrize(
    ("scope", "path", "expected"),
    [
        ("", "q", True),
        ("q", "Q", True),
        ("q", "q/$management", True),
        ("q", "q2", False),
        ("q/$management", "q", False),
    ],
)
def test_a_scope_covers_its_entity_and_what_is_below(scope, path, expected):
    """A queue's token is good for its dead letters and its management, and for no other queue."""
    assert covers(scope, path) is expected
