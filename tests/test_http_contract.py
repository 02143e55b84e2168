"""Thousands of cases from the OpenAPI document against the running stack: every answer is one that it has."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.stack import Stack
from shared.openapi import document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CASES = int(os.environ.get("CONTRACT_CASES", "800"))
"""For each of the two operations that have a body, more than 2,000 in all; the others have nothing to vary."""

TOKEN = "contract"
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
# Left out, each for a reason: `negative_data_rejection` (a malformed tap is answered 200 with a no, by design),
# `unsupported_method` (the Functions host answers an unknown method with 404, not 405).

api = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A stack of its own, with its token."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EventStorage", "ServiceBusConnection"))
    }
    with Stack(
        run_folder=tmp_path_factory.mktemp("contract"), environment=environment | {"REALTIME_AUTH_TOKENS": TOKEN}
    ) as stack:
        yield stack.functions_url
        assert "Traceback" not in stack.output("functions")


@api.parametrize()
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_document(case, url):
    """No 5xx, no status or type that is not documented, and every body fits its schema."""
    response = case.call(base_url=url, headers={"Authorization": TOKEN})

    case.validate_response(response, checks=CHECKS)


@api.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_stranger_is_told_nothing(case, url):
    """Whatever is sent: 401 and an empty object where a token is asked for; 404 for methods that no function has."""
    response = case.call(base_url=url, headers={"Authorization": TOKEN + "x"})

    operation = document()["paths"][case.path].get(case.method.lower())
    if operation is None:
        assert response.status_code == 404
    elif {} not in operation.get("security", [{}]):
        assert (response.status_code, response.json()) == (401, {})
    else:
        assert response.status_code == 200
