"""dbt as the platform starts it, in the warehouse of a home with the default settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from martian_moments.defs.dbt_command import start_build
from martian_moments.operations.baking import usual_variables

if TYPE_CHECKING:
    from martian_moments.resources import Resources


def dbt_build(resources: Resources, *arguments: str) -> list[dict[str, Any]]:
    """``dbt build`` to its end: its events. Raises RuntimeError with its last words."""
    variables = usual_variables() | resources.warehouse.dbt_environment()
    dbt = start_build(arguments, variables, resources.settings.home / "dbt")
    output = list(dbt.stdout or ())
    if dbt.wait() != 0:
        raise RuntimeError(f"dbt build failed:\n{b''.join(output).decode()[-3_000:]}")
    return [json.loads(line) for line in output]
