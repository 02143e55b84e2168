"""What `mutmut run` cannot change, and the share of all mutants that the tests notice. `make mutation` runs both.

mutmut keeps the mutants of a function beside each other in one module and switches one on after everything is imported.
So what runs on import is out of its reach: constants, patterns, the table of rules, and functions that are called for
them. Here each of those mutants, made by mutmut's own operators, is put in its module's place in a process of its own,
before anything has imported it, and the module's own tests are run. docs/mutation.md names the mutants that nothing
notices, with the reason of each.
"""

import ast
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from difflib import unified_diff
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Final

import libcst
import pytest
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.file_mutation import create_mutations
from mutmut.stats import status_by_exit_code

GROUPS: Final = {
    "keys": ["shared/tables/keys.py"],
    "merge": [
        "shared/tables/merging.py",
        *(f"shared/ingest/{name}.py" for name in ("fragments", "sessions", "status", "words")),
    ],
    "rules": [f"shared/authorization/{name}.py" for name in ("hours", "rules", "tag_rows", "tags")],
}
LEAST_SHARE: Final = 0.85
"""Of a group's mutants that the tests have to notice."""

_ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change."""

    module: str
    source: str

    @property
    def diff(self) -> str:
        """The lines that are another's."""
        lines = unified_diff((_ROOT / self.module).read_text().splitlines(), self.source.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---"})

    @property
    def tests(self) -> str:
        """The module's own tests, which have to notice it."""
        path = Path(self.module)
        return str(Path("tests") / path.parent / f"test_{path.name}")


def mutants_on_import(module: str) -> Iterator[Mutant]:
    """Every mutant of what runs when the module is imported."""
    code = (_ROOT / module).read_text()
    called = functions_called_on_import(code)
    tree, mutations, *_ = create_mutations(module, code)
    for mutation in mutations:
        function = mutation.contained_by_top_level_function
        if not isinstance(function, libcst.FunctionDef) or function.name.value in called:
            changed = tree.deep_replace(mutation.original_node, mutation.mutated_node)
            yield Mutant(module, changed.code)


def functions_called_on_import(code: str) -> set[str]:
    """The module's functions that its own constants are made with."""
    statements = ast.parse(code).body
    functions = {statement.name for statement in statements if isinstance(statement, ast.FunctionDef)}
    constants = [statement for statement in statements if isinstance(statement, ast.Assign | ast.AnnAssign)]
    calls = [node.func for constant in constants for node in ast.walk(constant) if isinstance(node, ast.Call)]
    return functions & {function.id for function in calls if isinstance(function, ast.Name)}


def is_noticed(mutant: Mutant) -> bool:
    """Whether the module's own tests fail with the mutant in its place; for a process that has not imported it yet."""
    name = mutant.module.removesuffix(".py").replace("/", ".")
    sys.modules[name] = module = ModuleType(name)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        try:
            exec(compile(mutant.source, mutant.module, "exec"), module.__dict__)  # noqa: S102  # that is what a mutant is for
        except Exception:  # noqa: BLE001  # a module that cannot even be imported
            return True
        return pytest.main(["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", mutant.tests]) != 0


def counts_of_mutmut(module: str) -> Counter[bool]:
    """How many mutants of the module's functions were noticed (True), and how many not, in mutmut's last run."""
    called = functions_called_on_import((_ROOT / module).read_text())
    data = SourceFileMutationData(path=Path(module))
    data.load()
    return Counter(
        status_by_exit_code[exit_code] in {"killed", "timeout", "segfault"}
        for name, exit_code in data.exit_code_by_key.items()
        if not any(f".x_{function}__mutmut_" in name for function in called)
    )


def main() -> int:
    """Try the mutants, print those that nothing noticed and the shares; 1 where a share is too small."""
    counts = {group: Counter[bool]() for group in GROUPS}
    os.environ["CI"] = "1"  # hypothesis then tries the same examples each time
    with get_context("fork").Pool(maxtasksperchild=1) as processes:
        for group, modules in GROUPS.items():
            for module in modules:
                counts[group] += counts_of_mutmut(module)
                mutants = list(mutants_on_import(module))
                if processes.apply(is_noticed, [Mutant(module, (_ROOT / module).read_text())]):
                    sys.exit(f"the tests of {module} fail without any mutant: mend that first")
                for mutant, noticed in zip(mutants, processes.imap(is_noticed, mutants), strict=True):
                    counts[group][noticed] += 1
                    if not noticed:
                        print(f"{mutant.module}\n{mutant.diff}", flush=True)
    shares = {group: count[True] / count.total() for group, count in counts.items()}
    for group, count in counts.items():
        print(f"{group:6} {count.total():5} mutants, {count[True]:5} noticed: {shares[group]:.1%}")
    return int(min(shares.values()) < LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main())
