"""How to reach S3."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr

from martian_moments.infrastructure.addresses import server_of
from martian_moments.infrastructure.secret_values import revealed


class S3Options(BaseModel):
    """How to reach S3. Without keys, the machine's own AWS credentials apply; without an endpoint, AWS."""

    model_config = ConfigDict(frozen=True)

    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    region: str = "us-east-1"

    @property
    def is_aws(self) -> bool:
        """Whether this is Amazon's own S3, which has bucket names in host names and no events for Kafka."""
        return self.endpoint is None or (server_of(self.endpoint).hostname or "").endswith(".amazonaws.com")

    @property
    def secret(self) -> str | None:
        """The secret access key, for who signs with it."""
        return revealed(self.secret_access_key)

    @property
    def token(self) -> str | None:
        """The session token, for who signs with it."""
        return revealed(self.session_token)
