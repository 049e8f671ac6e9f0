"""What the credit commands share: options, keys, and refusals as one line."""

import functools
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from rich.console import Console

from core.clock import SystemClock, civil_date
from core.security.keys import ensure_sandbox_keys
from core.settings import Settings, read_settings
from credit.engine.artefact import Artefact, load
from credit.storage.errors import ArtefactError, CreditError
from credit.storage.keys import MODEL_KEY_FILE, read_private_key, read_trusted_key

P = ParamSpec("P")
R = TypeVar("R")

KeyOption = Annotated[
    Path | None, typer.Option(help="Ed25519 PEM; default: DATA_DIR/keys/model_signing.pem")
]
ModelOption = Annotated[Path, typer.Option(help="Folder of a trained model.")]
AlsoOption = Annotated[
    list[str] | None, typer.Option(help="A further column to use as it is; repeat for several.")
]
SuspectOption = Annotated[
    list[str] | None, typer.Option(help="An input that may predict this well, by name.")
]
RejectsOption = Annotated[
    Path | None, typer.Option(help="Declined applications, for reject inference.")
]
RejectOddsOption = Annotated[
    float | None,
    typer.Option(help="Odds of default of the declined over those of the accepted alike."),
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Day of the outcomes; default: today."),
]
EncodingOption = Annotated[
    str, typer.Option(help="Encoding of a text file (gb18030, utf-8 …); default: detected.")
]
SeparatorOption = Annotated[str, typer.Option(help="Between fields; default: detected.")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="Policy file; default: the example for the data.")
]
DataOption = Annotated[Path, typer.Option(help="CSV (also .gz, .xz) or Parquet.")]


def refusing(command: Callable[P, R]) -> Callable[P, R]:
    """Print expected refusals as one message and end with status 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CreditError as error:
            Console(stderr=True, highlight=False).print(
                f"error: {error}", markup=False, soft_wrap=True
            )
            raise typer.Exit(1) from error

    return run


def now() -> datetime:
    """The present moment."""
    return SystemClock(Settings().clock_offset).now()


def day_of(moment: datetime | None) -> date | None:
    """The day of an option that was given."""
    return None if moment is None else moment.date()


def today() -> date:
    """The civil date here."""
    return civil_date(now())


def signing_key(key: Path | None) -> Ed25519PrivateKey:
    """The key given, or this installation's, which development makes on first use.

    Raises ArtefactError when there is none.
    """
    settings = read_settings()
    if key is None and not settings.is_production:
        ensure_sandbox_keys(settings.keys_path)
    return read_private_key(_path_of(key, settings))


def sealing_key(key: Path | None) -> Ed25519PrivateKey | None:
    """The private half of what models are trusted by, if this installation has it."""
    try:
        return signing_key(key)
    except ArtefactError:
        return None


def load_model(model: Path, key: Path | None) -> Artefact:
    """A model sealed with the key given, or with this installation's. Raises ArtefactError."""
    return load(model, [read_trusted_key(_path_of(key, read_settings()))])


def trusted_keys(key: Path | None) -> list[Ed25519PublicKey]:
    """The keys that may have sealed a model: the one given, or this installation's, if any."""
    path = _path_of(key, read_settings())
    return [read_trusted_key(path)] if key or path.exists() else []


def _path_of(key: Path | None, settings: Settings) -> Path:
    return key or settings.keys_path / MODEL_KEY_FILE
