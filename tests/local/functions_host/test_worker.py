"""Indexing an app as production does."""

import sys

import pytest

from local.functions_host.errors import HostError, IndexingError
from local.functions_host.worker import index_app

_HTTP_APP = """
import azure.functions as func
app = func.FunctionApp()
@app.route(route="{route}")
def {name}(req: func.HttpRequest) -> str:
    return ""
"""


def test_index_tells_triggers_and_bindings(queue_app):
    """Each function comes with its bindings as a function.json would hold them."""
    functions = {function.name: function for function in index_app(queue_app)}

    assert {"push_events", "one_event"} == functions.keys()
    trigger = functions["push_events"].trigger
    assert trigger["type"] == "serviceBusTrigger"
    assert trigger["queueName"] == "%SAMPLE_QUEUE%"
    assert trigger["connection"] == "ServiceBusConnection"
    assert (trigger["cardinality"], trigger["dataType"]) == ("MANY", "BINARY")
    assert functions["one_event"].trigger["subscriptionName"] == "stored"


def test_index_tells_routes_and_the_answer_binding(web_app):
    """An HTTP function has its trigger with route and methods, and the binding of its answer."""
    echo = next(function for function in index_app(web_app) if function.name == "echo")

    assert echo.trigger["route"] == "chargers/{charger_id}/sockets/{socket:int?}"
    assert echo.trigger["methods"] == ["GET", "POST"]
    assert [binding["type"] for binding in echo.bindings] == ["httpTrigger", "http"]


def test_another_app_can_be_indexed_afterwards(make_app):
    """Indexing imports the app anew, although both apps are a module `function_app`."""
    first = index_app(make_app(_HTTP_APP.format(route="first", name="first_function")))
    second = index_app(make_app(_HTTP_APP.format(route="second_route", name="second_function")))

    assert [function.name for function in first] == ["first_function"]
    assert [function.name for function in second] == ["second_function"]


def test_indexing_leaves_imports_as_they_were(web_app):
    """A test that imports the real `function_app` is not given a sample's."""
    path_before, module_before = list(sys.path), sys.modules.get("function_app")

    index_app(web_app)

    assert path_before == sys.path
    assert sys.modules.get("function_app") is module_before


def test_failed_import_is_an_error_with_the_traceback(make_app):
    """A module that is missing is named together with the line that wants it."""
    with pytest.raises(IndexingError, match=r"(?s)import no_such_module.*ModuleNotFoundError"):
        index_app(make_app("import no_such_module"))


def test_annotation_the_runtime_refuses_is_an_error(make_app):
    """`list[...]` on a batch parameter leaves production with 0 functions, so it is refused here."""
    source = """
import azure.functions as func
app = func.FunctionApp()
@app.service_bus_queue_trigger(
    arg_name="messages", queue_name="q", connection="c", cardinality=func.Cardinality.MANY
)
def take(messages: list[func.ServiceBusMessage]) -> None: ...
"""
    with pytest.raises(IndexingError, match="invalid non-type annotation"):
        index_app(make_app(source))


def test_app_without_functions_is_an_error(make_app):
    """An app that registers nothing never passes for a working one."""
    with pytest.raises(IndexingError, match="0 functions found"):
        index_app(make_app("import azure.functions as func\napp = func.FunctionApp()"))


def test_folder_without_app_is_an_error(tmp_path):
    """A wrong folder is told from an app without functions."""
    with pytest.raises(HostError, match=r"has no function_app\.py"):
        index_app(tmp_path)
