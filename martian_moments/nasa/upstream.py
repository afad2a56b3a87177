"""Where the upstreams are, and the key that one of them may want."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr

from martian_moments.infrastructure.secret_values import revealed
from martian_moments_dbt import VARS


class Upstream(BaseModel):
    """The upstreams' addresses and keys. By default NASA's live servers, and a mirror of the API that ended in 2025."""

    model_config = ConfigDict(frozen=True)

    v1_url: str = "https://rovers.nebulum.one/api/v1"
    v1_api_key: SecretStr | None = None
    m20_url: str = "https://mars.nasa.gov/rss/api/"
    msl_url: str = "https://mars.nasa.gov/api/v1/raw_image_items/"
    mmgis_url: str = "https://mars.nasa.gov/mmgis-maps"
    pds_url: str = VARS["archive_url"]
    mer_traverse_url: str = "https://an.rsl.wustl.edu/mera/AN/pages/mer"

    @property
    def key(self) -> str | None:
        """The key of v1, for the one that sends it."""
        return revealed(self.v1_api_key)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What a client that asks these upstreams must never show."""
        return (self.key,) if self.key else ()
