"""The HTTP routes as an OpenAPI 3.1 document, made from the models that read and write their bodies.

`python -m shared.openapi > docs/openapi.json` writes the copy in the docs; a test compares the two.
"""

import sys
from functools import cache
from typing import Any, Final

import orjson
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from shared.emabler.push_messages import MODELS
from shared.emabler.realtime_auth import AuthAnswer, AuthRequest
from shared.events import EventType
from shared.health.report import Health

_PUSHED: Final[list[type[BaseModel]]] = [
    MODELS[event_type] for event_type in MODELS if event_type not in {EventType.REAL_TIME_AUTH, EventType.UNKNOWN}
]
_JSON: Final = "application/json"
_OK: Final = {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
_EMPTY: Final = {"type": "object", "additionalProperties": False}
_ERROR: Final = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_ACCEPTED: Final = {
    "type": "object",
    "properties": {"status": {"const": "accepted"}, "charging_allowed": {"const": False}},
    "required": ["status"],
}
_DEGRADED: Final = {
    "type": "object",
    "properties": {"status": {"const": "degraded"}, "problems": {"type": "array", "items": {"type": "string"}}},
    "required": ["status"],
}
_HEALTH: Final = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"status": {"enum": ["ok", "degraded"]}},
            "required": ["status"],
            "additionalProperties": False,
        },
        {"$ref": "#/components/schemas/Health"},
    ]
}

_DESCRIPTION: Final = """\
What eMabler calls: the question for every tap of an RFID tag (RealTimeAuth), and the Push API's webhook. Both ask for
the whole Authorization value that the operator configured at eMabler, without a scheme in front of it."""


@cache
def document() -> dict[str, Any]:
    """The whole document. Request bodies are what eMabler sends; what else comes is answered as the responses say."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "eMabler to Azure", "version": "1", "description": _DESCRIPTION},
        "paths": {
            "/api/realtime-auth": {
                "get": _check("checkRealtimeAuth"),
                "post": _operation(
                    "realtimeAuth",
                    "May this tag charge at this charger? A refusal is a 200, and so is the answer to a body that is "
                    "no such question.",
                    _ref("AuthRequest"),
                    {
                        "200": ("The answer.", _ref("AuthAnswer")),
                        "413": ("The body is over 16 KiB.", _ERROR),
                        "503": ("Storage failed, and REALTIME_AUTH_ON_FAILURE leaves it to eMabler.", _EMPTY),
                    },
                ),
            },
            "/api/push": {
                "get": _check("checkPush"),
                "post": _operation(
                    "push",
                    "Take an event, an array of events, or a tap. Anything is taken; the models are what eMabler "
                    "sends. Whatever was acknowledged with a 200 is safe.",
                    {"anyOf": [_event(), {"type": "array", "items": _event()}, _ref("AuthRequest")]},
                    {
                        "200": ("It is safe; or a tap's answer.", {"anyOf": [_ACCEPTED, _ref("AuthAnswer")]}),
                        "413": ("The body is over 1 MiB.", _ERROR),
                        "503": ("It could not be stored now; send it again.", {"anyOf": [_ERROR, _EMPTY]}),
                    },
                ),
            },
            "/api/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Whether the app can do its work; to those who show a token, how it is doing.",
                    "security": [{}, {"authorization": []}],
                    "responses": _responses(
                        {
                            "200": ("It can; somebody should look where it is degraded.", _HEALTH),
                            "503": ("It cannot; see its log.", _DEGRADED),
                        }
                    ),
                }
            },
            "/api/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This document.",
                    "responses": _responses({"200": ("This document.", {"type": "object"})}),
                }
            },
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "authorization": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "One of REALTIME_AUTH_TOKENS. Where they are set, one of PUSH_WEBHOOK_TOKENS for "
                    "/api/push, and one of HEALTH_TOKENS for /api/health.",
                }
            },
        },
    }


class _AsRead(GenerateJsonSchema):
    """Schemas of pushed messages as they are read: numbers may come as texts, and texts as numbers."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """A text, or a number in its place."""
        return {**super().str_schema(schema), "type": ["string", "number"]}

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """A number, or a text in its place."""
        return {**super().float_schema(schema), "type": ["number", "string"]}


def _schemas() -> dict[str, Any]:
    return _models_schemas([AuthRequest, AuthAnswer, Health], GenerateJsonSchema) | _models_schemas(_PUSHED, _AsRead)


def _models_schemas(models: list[type[BaseModel]], generator: type[GenerateJsonSchema]) -> dict[str, Any]:
    _, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=generator,
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _event() -> dict[str, Any]:
    return {"anyOf": [_ref(model.__name__) for model in _PUSHED]}


def _ref(model: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{model}"}


def _check(operation_id: str) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": "eMabler's check that the endpoint is there; tells nothing else.",
        "responses": _responses({"200": ("It is.", _OK)}),
    }


def _operation(
    operation_id: str, summary: str, body: dict[str, Any], responses: dict[str, tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": summary,
        "security": [{"authorization": []}],
        "requestBody": {"required": True, "content": {_JSON: {"schema": body}}},
        "responses": _responses(responses | {"401": ("Another Authorization value, or none.", _EMPTY)}),
    }


def _responses(responses: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return {
        status: {"description": description, "content": {_JSON: {"schema": schema}}}
        for status, (description, schema) in sorted(responses.items())
    }


def to_json() -> bytes:
    """The document as it is served and kept in the docs."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(to_json())
