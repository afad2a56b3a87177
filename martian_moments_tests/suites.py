"""``--suite``: the tests that a target of the Makefile is about, of which whoever calls it may choose with ``-m``.

A plugin of its own, named in pyproject.toml: an option of conftest.py is known too late for a value that has spaces.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", metavar="MARKEXPR", default="", help="of these tests only, whatever -m chooses")


def pytest_configure(config: pytest.Config) -> None:
    """Both expressions hold: of two ``-m``, pytest would take the last."""
    expressions = (config.getoption("suite"), config.option.markexpr)
    config.option.markexpr = " and ".join(f"({each})" for each in expressions if each)
