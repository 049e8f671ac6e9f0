"""Every setting of every process: typed, frozen, read once from the environment.

Each field states its meaning and unit; the table in docs/settings.md is generated from here.
Nothing else in the project reads the environment.
"""

from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import StartError

SANDBOX_KEYS_MARKER = "SANDBOX-KEYS"
"""A file of this name in a key folder labels its keys as sandbox keys."""


class Environment(StrEnum):
    """Where the process runs; production refuses everything that belongs to the sandbox."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """The process's configuration. Variables carry the field's name in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    environment: Environment = Field(
        Environment.DEVELOPMENT,
        validation_alias="QUANCHENG_ENV",
        description="`development` or `production`.",
    )
    data_dir: Path = Field(
        Path(".data"), description="Folder of the embedded database, sandbox state and keys."
    )
    city_file: Path = Field(
        Path("cities/jinan.toml"), description="The city's own names, districts and rates."
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port of the API.")
    http2_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port where the API also speaks HTTP/2 without TLS, for a proxy; 0 = none.",
    )
    public_url: str | None = Field(
        None, description="The API's address as the outside sees it; callbacks go there."
    )
    sandbox_port: int = Field(8100, ge=1, le=65535, description="Port of the sandbox city.")
    database_url: str | None = Field(
        None, description="PostgreSQL (15 or newer) for the application's role; unset = embedded."
    )
    database_owner_url: str | None = Field(
        None, description="The role that owns the tables and migrates; unset = DATABASE_URL."
    )
    database_pool_size: int = Field(10, ge=2, le=200, description="Connections per process.")
    keys_dir: Path | None = Field(
        None, description="Folder of signing and encryption keys; unset = `DATA_DIR/keys`."
    )
    upstreams_file: Path | None = Field(
        None,
        description="TOML with the address of each upstream; unset = all at the sandbox.",
    )
    psps: str = Field(
        "wechatpay,alipay,wechatpay_sp",
        description="Payment providers by name, the preferred one first; those not set up are not "
        "used.",
    )
    clock_offset_s: int = Field(
        0,
        description="How far every process's clock is ahead of the machine's (s), to try another "
        "day; `quancheng up --at` sets it. Production refuses any but 0.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="`debug`, `info`, `warning` or `error`."
    )
    metrics_port: int = Field(
        8200,
        ge=0,
        le=65535,
        description="Operators' port of a process: `/healthz`, `/readyz`, `/metrics`; 0 = none.",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="Address of the operators' port; never one that citizens reach."
    )
    worker_concurrency: int = Field(
        20, ge=2, le=500, description="Jobs a worker runs at once in each lane."
    )
    request_deadline_s: float = Field(
        3.0, gt=0, le=60, description="Time one API request may take, upstreams included (s)."
    )
    shutdown_notice_s: float = Field(
        0.0,
        ge=0,
        le=60,
        description="How long an API that is told to stop serves on while `/readyz` says 503 (s): "
        "longer than a balancer's probes are apart. Under `up` at most 10.",
    )
    requests_in_flight_max: int = Field(
        500, ge=1, description="API requests under way at once in a process; more are shed."
    )
    requests_per_person_at_once: int = Field(
        30, ge=1, description="API requests one person, or one stranger's address, has under way."
    )
    streams_per_person: int = Field(
        30, ge=1, description="Subscriptions one person, or one stranger's address, has open."
    )
    sockets_per_address: int = Field(
        500, ge=1, description="WebSockets that strangers at one address have open in a process."
    )
    sockets_per_person: int = Field(
        30, ge=1, description="WebSockets one person has open in a process."
    )
    rate_person: int = Field(
        600, ge=0, description="API requests of one person a minute and process; 0 = any number."
    )
    rate_device: int = Field(
        600, ge=0, description="API requests of one device a minute and process; 0 = any number."
    )
    rate_address: int = Field(
        6_000, ge=0, description="API requests of one address a minute and process; 0 = any number."
    )
    probe_every_s: int = Field(
        300, ge=0, description="How often each service is asked whether it answers (s); 0 = never."
    )
    probe_person: str | None = Field(
        None,
        description="`name,resident ID,phone` of the test person as whom services are asked; unset "
        "= the sandbox's, in production only services for anybody are asked.",
    )
    rate_partner: int = Field(
        600, ge=0, description="Requests of one partner bank a minute; 0 = any number."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=8,
        description="Proxies in front of the API whose `X-Forwarded-For` entries are believed.",
    )

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _must_be_postgres(cls, url: str | None) -> str | None:
        if url is not None and urlsplit(url).scheme not in ("postgresql", "postgres"):
            raise ValueError("must be a postgresql:// address")
        return url

    @field_validator("probe_person")
    @classmethod
    def _must_be_a_person(cls, person: str | None) -> str | None:
        if person is not None and len(person.split(",")) != 3:
            raise ValueError("must be a name, a resident ID and a phone, with commas between")
        return person

    @field_validator("clock_offset_s")
    @classmethod
    def _must_be_now_in_production(cls, offset_s: int, info: ValidationInfo) -> int:
        if offset_s and info.data.get("environment") is Environment.PRODUCTION:
            raise ValueError("production runs on the machine's clock")
        return offset_s

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_lower_case(cls, level: object) -> object:
        return level.lower() if isinstance(level, str) else level

    @property
    def is_production(self) -> bool:
        """True where sandbox keys, default secrets and the embedded database are refused."""
        return self.environment is Environment.PRODUCTION

    @property
    def psp_names(self) -> list[str]:
        """The payment providers of PSPS, in order."""
        return [name.strip() for name in self.psps.split(",") if name.strip()]

    @cached_property
    def clock_offset(self) -> timedelta:
        """CLOCK_OFFSET_S as a time span."""
        return timedelta(seconds=self.clock_offset_s)

    @cached_property
    def keys_path(self) -> Path:
        """The folder that holds this installation's keys."""
        return self.keys_dir or self.data_dir / "keys"

    @cached_property
    def base_url(self) -> str:
        """The API's address as the outside sees it, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @cached_property
    def sandbox_url(self) -> str:
        """The sandbox city's address."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @cached_property
    def owner_url(self) -> str | None:
        """The database address for migrations."""
        return self.database_owner_url or self.database_url


def read_settings() -> Settings:
    """The settings of the environment. Raises StartError, in one line that quotes no value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [
            f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        raise StartError(f"settings: {'; '.join(faults)}") from None


def production_faults(settings: Settings) -> list[str]:
    """What of the sandbox is left in a production configuration; empty when it may start."""
    if not settings.is_production:
        return []
    faults = []
    if settings.database_url is None:
        faults.append("DATABASE_URL is unset: production does not run on the embedded database")
    if settings.keys_dir is None:
        faults.append("KEYS_DIR is unset: production does not run on generated keys")
    elif (settings.keys_dir / SANDBOX_KEYS_MARKER).exists():
        faults.append(f"{settings.keys_dir} holds sandbox keys")
    if settings.upstreams_file is None:
        faults.append("UPSTREAMS_FILE is unset: production does not call the sandbox city")
    if settings.public_url is None or not settings.public_url.startswith("https://"):
        faults.append("PUBLIC_URL must be an https address")
    if not settings.trusted_proxies:
        # our ports speak no TLS, so the https of PUBLIC_URL ends at a proxy
        faults.append("TRUSTED_PROXIES is 0: the whole city would share its proxy's limits")
    return faults
