"""The errors form one tree, named by what the caller has to do."""

import importlib
import pkgutil

import shared
from shared.errors import EmablerError


def _all_modules():
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        yield importlib.import_module(module.name)


def test_every_error_of_the_project_has_the_one_root():
    """`except EmablerError` must miss none of them."""
    strangers = [
        f"{module.__name__}.{name}"
        for module in _all_modules()
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and value.__module__.startswith("shared.")
        and not issubclass(value, EmablerError)
    ]

    assert strangers == []
