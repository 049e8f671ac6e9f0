"""What we are known by at outside services: a file of the key folder with a table for each."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from core.errors import StartError

Tables = Mapping[str, Mapping[str, str]]


def read_tables(folder: Path, file: str) -> Tables:
    """The tables by name; none where there is no such file. Raises StartError for a malformed
    one."""
    try:
        return tomllib.loads((folder / file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{file}: {type(error).__name__}") from None
