"""Each check bites: one line of a template made worse is one problem told."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra import agreement, dashboard, posture, queries, watching, wiring
from tests.infra.reading import resources, templates, texts_on_disk

MAIN, WORKBOOK, PARAMETERS = "main.bicep", "workbook.json", "main.parameters.json"


@dataclass(frozen=True)
class Mutation:
    """One change for the worse of one file, and words of the problem that must be told."""

    path: str
    problem: str
    good: str
    bad: str


def mutations() -> list[Mutation]:
    """What mutations.txt has."""
    text = Path(__file__).with_name("mutations.txt").read_text(encoding="utf-8")
    read = []
    for block in text.split("\n\n"):
        head, *changes = block.strip("\n").split("\n")
        if changes:
            path, problem = head.split(": ", 1)
            good, bad = ("\n".join(line[2:] for line in changes if line.startswith(sign)) for sign in "-+")
            read.append(Mutation(path, problem, good, bad))
    return read


def found_problems(texts: dict[str, str]) -> list[str]:
    """The problems of all checks, for texts of templates, workbook and parameters."""
    files = templates({path: text for path, text in texts.items() if path.endswith(".bicep")})
    return [
        *posture.problems(files),
        *agreement.problems(files, texts[PARAMETERS]),
        *wiring.problems(files),
        *watching.problems(files),
        *dashboard.problems(files, texts[WORKBOOK]),
        *queries.problems(watching.queries(files) | dashboard.queries(texts[WORKBOOK])),
    ]


def all_texts() -> dict[str, str]:
    """Templates, workbook and parameters as they are."""
    return texts_on_disk() | {
        WORKBOOK: dashboard.workbook_on_disk(),
        PARAMETERS: agreement.parameters_file_on_disk(),
    }


@pytest.mark.parametrize("mutation", mutations(), ids=lambda mutation: f"{mutation.path}: {mutation.problem}")
def test_a_template_made_worse_is_noticed(mutation):
    """The problem that a mutation makes is told, and it is there in the first place only by the mutation."""
    texts = all_texts()
    text = texts[mutation.path]
    assert mutation.good in text, "the template has changed: change the mutation, too"
    found = found_problems(texts | {mutation.path: text.replace(mutation.good, mutation.bad)})
    assert [told for told in found if mutation.problem in told], found


def test_every_setting_is_missed_that_is_taken_away():
    """No setting of the app can be forgotten without a word."""
    texts = all_texts()
    names = [
        name
        for variable in ("ownSettings", "kafkaSettings")
        for name in re.findall(r"^  (\w+):", texts[MAIN].split(f"var {variable} = {{")[1].split("\n}")[0], re.MULTILINE)
    ]
    assert len(names) > 30
    for name in names:
        main = re.sub(rf"^  {name}: .*\n", "", texts[MAIN], flags=re.MULTILINE)
        assert f"the setting {name} is read, but not deployed" in found_problems(texts | {MAIN: main})


def test_every_required_property_is_missed_that_is_taken_away():
    """Each property that a check asks for is asked for: a file without it has a problem."""
    texts = all_texts()
    wanted = {
        (resource.file, path.split(".")[-1])
        for resource in resources(templates(texts_on_disk()))
        for path, value in (posture.REQUIRED.get(resource.type, {}) | wiring.REQUIRED.get(resource.type, {})).items()
        if value is not None
    }
    assert len(wanted) > 30
    for path, name in sorted(wanted):
        mutated = re.sub(rf"^ +{name}: .*\n", "", texts[path], flags=re.MULTILINE)
        assert found_problems(texts | {path: mutated}), (path, name)
