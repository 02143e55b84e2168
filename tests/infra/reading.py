"""The Bicep templates as data: what is written literally as Python values, everything else as the text it is.

The grammar is tree-sitter's. It knows how Bicep is written, not what it means: types and names are the compiler's
business (`bicep build` in CI). Here is read what the posture is told by: resources, grants, settings, outputs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

_PARSER = Parser(Language(tree_sitter_bicep.language()))
_LITERALS = {"true": True, "false": False, "null": None}
_ESCAPES = {"\\'": "'", "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\$": "$"}


@dataclass(frozen=True)
class Expression:
    """What is no literal, by its text."""

    text: str


@dataclass(frozen=True)
class Resource:
    """A resource that a template makes or, where it `exists`, refers to."""

    file: str
    symbol: str
    """`account`, or of a nested one `account::blobs`."""
    type: str
    """Without the version: `Microsoft.Storage/storageAccounts/blobServices`."""
    exists: bool
    condition: str | None
    body: dict[str, Any]

    def get(self, path: str) -> Any:
        """What is at a dotted path, None where there is nothing."""
        return at(self.body, path)


@dataclass(frozen=True)
class Module:
    """A module as it is called."""

    symbol: str
    path: str
    condition: str | None
    body: dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter, with its decorators by name."""

    type: str
    default: Any
    decorators: dict[str, Any]


@dataclass(frozen=True)
class Template:
    """One file."""

    path: str
    text: str
    has_syntax_error: bool
    parameters: dict[str, Parameter]
    variables: dict[str, Any]
    resources: list[Resource]
    modules: list[Module]
    outputs: dict[str, Any]

    def resolved(self, value: Any) -> Any:
        """The value of the variable that an expression names, else the value as it is."""
        if isinstance(value, Expression):
            return self.variables.get(value.text, value)
        return value


def texts_on_disk() -> dict[str, str]:
    """Every template under infra/, by its path there."""
    return {
        path.relative_to(INFRA).as_posix(): path.read_text(encoding="utf-8") for path in sorted(INFRA.rglob("*.bicep"))
    }


def templates(texts: Mapping[str, str]) -> dict[str, Template]:
    """The templates of some texts, by path."""
    return {path: template(path, text) for path, text in texts.items()}


@cache
def template(path: str, text: str) -> Template:
    """One template; texts that were read before are not read again."""
    root = _PARSER.parse(text.encode()).root_node
    read = Template(path, text, root.has_error, {}, {}, [], [], {})
    decorators: dict[str, Any] = {}
    for node in root.named_children:
        if node.type == "decorators":
            decorators = dict(_decorator(child) for child in node.named_children)
            continue
        _declare(read, node, decorators)
        decorators = {}
    return read


def resources(files: Mapping[str, Template], of_type: str = "") -> list[Resource]:
    """The resources that are made, of one type where it is named."""
    return [
        resource
        for file in files.values()
        for resource in file.resources
        if not resource.exists and of_type in ("", resource.type)
    ]


def at(value: Any, path: str) -> Any:
    """What is at a dotted path of nested objects, None where there is nothing."""
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def texts_in(value: Any) -> Iterator[str]:
    """Every text and expression within a value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, Expression):
        yield value.text
    elif isinstance(value, str):
        yield value


def _declare(read: Template, node: Node, decorators: dict[str, Any]) -> None:
    children = [child for child in node.named_children if child.type not in {"comment", "decorators"}]
    name = _text(children[0]) if children else ""
    if node.type == "parameter_declaration":
        default = _value(children[2]) if len(children) > 2 else None  # name, type, default
        read.parameters[name] = Parameter(_text(children[1]), default, decorators)
    elif node.type == "variable_declaration":
        read.variables[name] = _value(children[-1])
    elif node.type == "output_declaration":
        read.outputs[name] = _value(children[-1])
    elif node.type == "module_declaration":
        condition, body = _body(children[-1])
        read.modules.append(Module(name, _plain(children[1]), condition, body))
    elif node.type == "resource_declaration":
        read.resources.extend(_resources(read.path, node, None))


def _resources(file: str, node: Node, parent: Resource | None) -> Iterator[Resource]:
    children = [child for child in node.named_children if child.type not in {"comment", "decorators"}]
    symbol, type_, (condition, body) = _text(children[0]), _plain(children[1]).split("@")[0], _body(children[-1])
    exists = any(child.type == "existing" for child in node.children)
    if parent is not None:
        symbol, type_ = f"{parent.symbol}::{symbol}", f"{parent.type}/{type_}"
        exists = exists or parent.exists
    resource = Resource(file, symbol, type_, exists, condition, body)
    yield resource
    for member in _object_of(children[-1]).named_children:
        for nested in (member, *member.named_children):
            if nested.type == "resource_declaration":
                yield from _resources(file, nested, resource)


def _decorator(node: Node) -> tuple[str, Any]:
    call = node.named_children[0]
    name, arguments = call.named_children[0], call.named_children[1].named_children
    return _text(name), _value(arguments[0]) if arguments else True


def _body(node: Node) -> tuple[str | None, dict[str, Any]]:
    condition = _text(node.named_children[0]) if node.type == "if_statement" else None
    body = _value(_object_of(node))
    return condition, body if isinstance(body, dict) else {}


def _object_of(node: Node) -> Node:
    """The object of a resource, which may stand behind an `if` or in a `for`."""
    while node.type in {"if_statement", "for_statement"}:
        node = node.named_children[-1]
    return node


def _value(node: Node) -> Any:
    if node.type == "object":
        return dict(_property(child) for child in node.named_children if _is_property(child))
    if node.type == "array":
        return [_value(child) for child in node.named_children if child.type != "comment"]
    if node.type == "string" and not any(child.type == "interpolation" for child in node.named_children):
        return _plain(node)
    if node.type == "number":
        return int(_text(node))
    text = _text(node)
    return _LITERALS[text] if text in _LITERALS else Expression(text)


def _is_property(node: Node) -> bool:
    return node.type == "object_property" and node.named_children[0].type != "resource_declaration"


def _property(node: Node) -> tuple[str, Any]:
    children = [child for child in node.named_children if child.type != "comment"]
    key = _plain(children[0]) if children[0].type == "string" else _text(children[0])
    return key, _value(children[-1])


def _plain(node: Node) -> str:
    """The text of a string without interpolation."""
    return "".join(_ESCAPES.get(_text(child), _text(child)) for child in node.named_children)


def _text(node: Node) -> str:
    return (node.text or b"").decode()
