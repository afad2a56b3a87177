"""The data version of a materialization that an asset logs itself."""

from __future__ import annotations

from collections.abc import Mapping

from dagster._core.definitions.data_version import DATA_VERSION_TAG


def version_tags(version: str) -> Mapping[str, str]:
    """The tags of a materialization of this data version. Dagster takes it there only."""
    return {DATA_VERSION_TAG: version}
