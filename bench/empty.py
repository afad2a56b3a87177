"""Definitions of nothing: what a code server takes by itself."""

from __future__ import annotations

import dagster as dg

defs = dg.Definitions()
