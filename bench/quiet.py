"""The platform's definitions without sensors and schedules: nothing starts but what a benchmark launches."""

from __future__ import annotations

import dagster as dg

from martian_moments.definitions import build_defs

_full = build_defs()

defs = dg.Definitions(assets=_full.assets, resources=_full.resources, executor=_full.executor)
