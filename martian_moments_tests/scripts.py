"""The programs of the repository that are in no package, as modules."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from martian_moments_tests.conftest import REPOSITORY


def script(file: str) -> ModuleType:
    """A program by its path within the repository, imported but not run."""
    spec = importlib.util.spec_from_file_location(file.replace("/", "_").removesuffix(".py"), REPOSITORY / file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the types of their fields
    spec.loader.exec_module(module)
    return module
