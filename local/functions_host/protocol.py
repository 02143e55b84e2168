"""The host's protocol messages as plain objects.

`azure-functions-runtime` takes the message classes from its caller and only builds and reads attributes, so simple
namespaces stand in for the protobuf classes. The names are those of the protocol (FunctionRpc.proto in
https://github.com/Azure/azure-functions-language-worker-protobuf). Classes for cookies are left out: a function that
sets one fails visibly here.
"""

from types import SimpleNamespace
from typing import Any, Literal


class TypedData(SimpleNamespace):
    """One encoded value: exactly one kind is set (`bytes=`, `json=`, `http=` and so on), or none for no value."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  # protobuf's name for it
        """The kind that is set, None for no value."""
        return next(iter(vars(self)), None)


class ParameterBinding(SimpleNamespace):
    """The encoded value (`data`) for one parameter (`name`) of a function."""

    def WhichOneof(self, _group: str) -> Literal["data"]:  # noqa: N802  # protobuf's name for it
        """Always the data itself: the other way, shared memory, was never used by Python on 3.13."""
        return "data"


class StatusResult(SimpleNamespace):
    """How a request ended: `status`, and `exception` on failure."""

    Failure = 0
    Success = 1


class BindingInfo(SimpleNamespace):
    """One binding of an indexed function."""

    undefined = 0
    out = 1
    inout = 2


PROTOCOL = SimpleNamespace(
    BindingInfo=BindingInfo,
    FunctionMetadataResponse=SimpleNamespace,
    InvocationResponse=SimpleNamespace,
    ParameterBinding=ParameterBinding,
    RpcException=SimpleNamespace,
    RpcFunctionMetadata=SimpleNamespace,
    RpcHttp=SimpleNamespace,
    RpcRetryOptions=SimpleNamespace,
    StatusResult=StatusResult,
    TypedData=TypedData,
    WorkerInitResponse=SimpleNamespace,
    WorkerMetadata=SimpleNamespace,
)


def request(kind: str, **fields: Any) -> SimpleNamespace:
    """The envelope the runtime library expects around a message of the given kind."""
    return SimpleNamespace(
        request=SimpleNamespace(**{kind: SimpleNamespace(**fields)}),
        properties={"protos": PROTOCOL, "host": "127.0.0.1"},
    )
