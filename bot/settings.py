"""Configuration from the environment. What is missing or makes no sense stops the start, one line each."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_POLICY: Final = Path(__file__).resolve().parent.parent / "graph" / "policies" / "default.toml"
SHIPPED: Final = (
    "payments",
    "procurement",
    "deployment",
    "clinical",
    "transactions",
    "content",
    "orders",
    "contracts",
    "loan",
    "rollout",
)
"""The workflows of `graph/workflows`, as lists show them."""
SLACK_API: Final = "https://slack.com/api/"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class BadSettings(ValueError):
    """The environment doesn't add up; each line names a variable and what to do about it."""


def _token(prefix: str, where: str) -> Any:
    def check(value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(prefix):
            raise ValueError(f"must start with {prefix} ({where})")
        return value

    return AfterValidator(check)


def _link(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a URL like https://example.com/…")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("may use plain http only on this machine (127.0.0.1); use https")
    return value


def _secret_link(value: SecretStr | None) -> SecretStr | None:
    return value if value is None else SecretStr(_link(value.get_secret_value()))


class Settings(BaseSettings):
    """All of Gatepost's settings. Empty variables count as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: SecretStr | None = None
    slack_bot_token: Annotated[SecretStr | None, _token("xoxb-", "OAuth & Permissions in your app's settings")] = None
    slack_signing_secret: SecretStr | None = None
    slack_signing_secret_previous: SecretStr | None = None
    slack_signing_secret_previous_until: int | None = Field(default=None, ge=0, le=10**11)
    """Unix seconds after which the previous secret is refused; without it, as long as it is set."""
    slack_app_token: Annotated[SecretStr | None, _token("xapp-", "Basic Information in your app")] = None
    slack_api_url: str = SLACK_API
    gatepost_home: Path = Path(".gatepost")
    gatepost_policy: Path = DEFAULT_POLICY
    gatepost_workflows: Annotated[tuple[str, ...], NoDecode] = SHIPPED
    gatepost_shop_url: str | None = None
    gatepost_audit_key: SecretStr | None = None
    gatepost_secret_key: SecretStr | None = Field(default=None, min_length=16)
    """Encrypts the secrets of authenticator apps; the same long random text for all processes."""
    gatepost_lease_seconds: float = Field(default=30.0, ge=1.0, le=600.0)
    gatepost_heartbeat_url: Annotated[SecretStr | None, AfterValidator(_secret_link)] = None
    """Called by a worker whenever the auditor finds nothing: whoever watches it hears of silence."""
    gatepost_trace_url: str | None = None
    """Where a run's trace can be looked at; `{trace_id}` stands for its id."""
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None
    port: int = Field(default=3000, ge=0, le=65535)
    gatepost_host: str = "127.0.0.1"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("gatepost_workflows", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _api(cls, value: str) -> str:
        return _link(value).rstrip("/") + "/"

    @field_validator("gatepost_trace_url")
    @classmethod
    def _trace(cls, value: str | None) -> str | None:
        if value is not None and "{trace_id}" not in _link(value):
            raise ValueError("must say {trace_id} where the trace's id belongs")
        return value

    @field_validator("gatepost_policy")
    @classmethod
    def _readable(cls, value: Path) -> Path:
        try:
            found = value.is_file()
        except OSError as error:
            raise ValueError(f"{value} can't be read ({error.strerror})") from None
        if not found:
            raise ValueError(f"{value} is not a file; name a policy in TOML, or unset it for the default one")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        if self.slack_bot_token and not (self.slack_signing_secret or self.slack_app_token):
            raise ValueError(
                "SLACK_BOT_TOKEN is set, so Slack needs a way in: set SLACK_SIGNING_SECRET (HTTP)"
                " or SLACK_APP_TOKEN (Socket Mode)"
            )
        if not self.slack_bot_token and (self.slack_signing_secret or self.slack_app_token):
            raise ValueError("SLACK_BOT_TOKEN is missing: Gatepost can't post without it")
        return self

    @property
    def laptop(self) -> bool:
        """No Slack workspace is configured: the sandbox stands in."""
        return self.slack_bot_token is None


def load(**overrides: Any) -> Settings:
    """The settings of this process; raises `BadSettings`."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise BadSettings("\n".join(_line(item) for item in error.errors(include_input=False))) from None


def _line(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"]).upper()
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{name} {message}".strip()
