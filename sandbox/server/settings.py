"""The sandbox's settings, read once from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SandboxSettings(BaseSettings):
    """Configuration of the sandbox process. Variables are `SANDBOX_` + the field in upper case."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True, extra="ignore")

    port: int = Field(8100, ge=1, le=65535, description="Port the sandbox listens on.")
    clock_offset_s: int = Field(0, description="How far its clock is ahead of the machine's (s).")
    seed: int = Field(20260101, ge=0, description="Everything generated follows from it.")
    state: str = Field(
        ":memory:", description="Path of the SQLite file that holds the state, or `:memory:`."
    )
    api_url: str = Field(
        "", description="The product's address, where receipts go unless told otherwise."
    )
    centre_lat: float = Field(36.67, ge=-80, le=80, description="The city's centre, WGS 84.")
    centre_lon: float = Field(117.0, ge=-180, le=180, description="The city's centre, WGS 84.")
    keys_dir: Path | None = Field(
        None,
        description="Folder with the sandbox keys of systems that sign; unset = they are shut.",
    )
    transit: Literal["small", "city"] = Field(
        "small", description="How large the network of buses is: a few lines, or a whole city's."
    )
    examples: bool = Field(False, description="Whether it has the systems of the examples too.")
