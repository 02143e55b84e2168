"""The templates as they are: safe, watched, and of one mind with the code."""

import json
import re

import pytest

from tests.infra import agreement, dashboard, posture, queries, watching, wiring
from tests.infra.reading import ROOT, Expression, Resource, Template, template, templates, texts_on_disk


@pytest.fixture(scope="module")
def files() -> dict[str, Template]:
    """The templates under infra/."""
    return templates(texts_on_disk())


def test_the_posture_is_safe(files):
    """No keys of ours, TLS 1.2, one rule that may send, each grant where it belongs, no secret where it can be seen."""
    assert posture.problems(files) == []


def test_templates_and_code_name_settings_tables_and_queue_alike(files):
    """Every setting that is read is deployed and the reverse, with the same default and the same bounds."""
    assert agreement.problems(files, agreement.parameters_file_on_disk()) == []


def test_every_alert_is_there_and_asks_for_what_the_app_tells(files):
    """Severities, thresholds, windows and whole queries of the alerts, and the parts of the workbook."""
    workbook = dashboard.workbook_on_disk()
    assert watching.problems(files) == []
    assert dashboard.problems(files, workbook) == []
    assert queries.problems(watching.queries(files) | dashboard.queries(workbook)) == []


def test_every_value_arrives_where_it_belongs(files):
    """Ids, endpoints, sizes and switches: a module, a setting or the app's form has no other one's."""
    assert wiring.problems(files) == []


def test_everything_is_described(files):
    """Every parameter and output of a module says what it is; main's outputs are azd's and speak for themselves."""
    silent = [
        f"{file.path}: {name}"
        for file in files.values()
        for name, parameter in file.parameters.items()
        if not parameter.decorators.get("description")
    ]
    described = [
        f"{file.path}: {name}"
        for file in files.values()
        if file.path != "main.bicep"
        for name in file.outputs
        if not re.search(rf"@description\('.+'\)\noutput {name} ", file.text)
    ]
    assert (silent, described) == ([], [])


def test_every_module_is_called_with_its_own_parameters(files):
    """Main gives each module what it has parameters for, and each module is called once."""
    calls = files["main.bicep"].modules
    assert {call.path for call in calls} | {"main.bicep", "modules/roles.bicep"} == set(files)
    for call in calls:
        assert call.body["scope"] == Expression("group"), call.symbol
        assert set(call.body["params"]) == set(files[call.path].parameters), call.symbol


def test_python_is_that_of_the_project(files):
    """The newest Python is the default, and those the project supports are allowed, none older."""
    python = files["main.bicep"].parameters["pythonVersion"]
    assert python.default == python.decorators["allowed"][-1] == "3.13"
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={python.decorators["allowed"][0]}"' in project


def test_the_linter_of_bicep_fails_on_what_is_unsafe():
    """The rules about secrets stop the compiler, instead of being printed."""
    rules = json.loads((ROOT / "bicepconfig.json").read_text(encoding="utf-8"))["analyzers"]["core"]["rules"]
    wanted = {"outputs-should-not-contain-secrets", "secure-parameter-default", "secure-secrets-in-params"}
    assert {rule for rule in wanted if rules[rule] == {"level": "error"}} == wanted


def test_a_template_is_read_as_data():
    """Literals become values, all else stays text; nested resources, conditions, loops and decorators are seen."""
    text = """
        @secure()
        @maxLength(3)
        param key string = ''
        var list = ['a', 1, true, null]
        resource vault 'A/vaults@2024-01-01' = if (!empty(key)) {
          name: 'it\\'s ${key}'
          properties: { 'odata.type': 'b' } // a comment
          resource child 'secrets' = {
            name: 'c'
          }
        }
        resource old 'A/vaults@2024-01-01' existing = { name: 'd' }
        resource many 'A/others@2024-01-01' = [for one in list: { name: one }]
        output id string = vault.id
    """
    read = template("x.bicep", text)
    assert read.parameters["key"].decorators == {"secure": True, "maxLength": 3}
    assert read.parameters["key"].default == ""
    assert read.variables == {"list": ["a", 1, True, None]}
    assert read.resources == [
        Resource(
            "x.bicep",
            "vault",
            "A/vaults",
            False,
            "(!empty(key))",
            {"name": Expression("'it\\'s ${key}'"), "properties": {"odata.type": "b"}},
        ),
        Resource("x.bicep", "vault::child", "A/vaults/secrets", False, None, {"name": "c"}),
        Resource("x.bicep", "old", "A/vaults", True, None, {"name": "d"}),
        Resource("x.bicep", "many", "A/others", False, None, {"name": Expression("one")}),
    ]
    assert read.outputs == {"id": Expression("vault.id")}
    assert not read.has_syntax_error


def test_what_is_no_bicep_is_seen():
    """A brace too few is a syntax error, not a template with less in it."""
    assert template("x.bicep", "param a string = {").has_syntax_error
