"""v2's answers against eMabler's own OpenAPI document, which EMABLER_V2_OPENAPI names; for development only."""

import json
import os
from pathlib import Path

import pytest

from simulator.rest.world import AddedCharger
from tests.simulator.rest.support import v2

DOCUMENT = os.environ.get("EMABLER_V2_OPENAPI")
GETS = [
    "/v2/chargers",
    "/v2/sockets",
    "/v2/charger-events",
    "/v2/ongoing-transactions",
    "/v2/sites",
    "/v2/push-integrations/configurations",
]

pytestmark = pytest.mark.skipif(not DOCUMENT, reason="needs EMABLER_V2_OPENAPI")


@pytest.fixture(scope="module")
def document():
    """As it is, but for the one field that the live API is known to write in words and the document in numbers."""
    document = json.loads(Path(DOCUMENT).read_text())
    document["components"]["schemas"]["chargerDto"]["properties"]["ocppVersion"] = {"type": "string"}
    return document


def faults_of(document, operation, status, answer):
    """What the document has against an answer: values that do not fit, and names of fields that it does not have."""
    validator = pytest.importorskip("openapi_schema_validator")
    schema = document["paths"][operation[1]][operation[0]]["responses"][status]["content"]["application/json"]["schema"]
    checked = validator.OAS30Validator({**schema, "components": document["components"]})
    wrong = [f"{error.json_path}: {error.message}" for error in checked.iter_errors(answer)]
    return wrong + list(unknown_fields(document, schema, answer))


def unknown_fields(document, schema, value):
    """The documents' objects may have more fields than they name, so a misspelt one fits; here it does not."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, list):
        for item in value:
            yield from unknown_fields(document, schema.get("items", {}), item)
    elif isinstance(value, dict) and "properties" in schema:
        for name, field in value.items():
            if name not in schema["properties"]:
                yield f"{name} is not in the document"
            yield from unknown_fields(document, schema["properties"].get(name, {}), field)


@pytest.mark.parametrize("path", GETS)
async def test_lists_fit_the_document(document, server, path):
    """Every field of every row."""
    server.world.add_charger("NEW-1", AddedCharger("The first", server.world.add_site("Another")))
    async with v2(server) as client:
        answer = (await client.get(path)).json()

    assert faults_of(document, ("get", path), "200", answer) == []


async def test_sessions_fit_the_document(document, server):
    """The POST that is a read."""
    async with v2(server) as client:
        answer = (await client.post("/v3/transactions", json={"page": 1, "limit": 200})).json()

    assert answer["items"]
    assert faults_of(document, ("post", "/v3/transactions"), "200", answer) == []


async def test_a_charger_fits_the_document(document, server):
    """Each of the fleet."""
    async with v2(server) as client:
        for charger_id in server.world.chargers:
            answer = (await client.get(f"/v2/chargers/{charger_id}")).json()
            assert faults_of(document, ("get", "/v2/chargers/{chargerId}"), "200", answer) == []


async def test_a_bad_request_fits_the_document(document, server):
    """What is wrong, in the document's words for it."""
    async with v2(server) as client:
        answer = (await client.get("/v2/chargers", params={"limit": 0})).json()

    assert faults_of(document, ("get", "/v2/chargers"), "400", answer) == []
