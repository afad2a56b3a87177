"""How to reach S3."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr

from martian_moments.infrastructure.addresses import is_aws


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
        return is_aws(self.endpoint)

    @property
    def secret(self) -> str | None:
        """The secret access key, for who signs with it."""
        return self.secret_access_key.get_secret_value() if self.secret_access_key else None

    @property
    def token(self) -> str | None:
        """The session token, for who signs with it."""
        return self.session_token.get_secret_value() if self.session_token else None
