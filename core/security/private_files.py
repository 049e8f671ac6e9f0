"""Files and folders that only this process's user may read, older ones made so too."""

import os
from pathlib import Path
from typing import BinaryIO

_OTHERS = 0o077
_OTHERS_BUT_PASSING = 0o076


def private_folder(folder: Path, *, passable: bool = False) -> Path:
    """Make a folder, or close one of ours, for its owner alone (0700).

    A `passable` one keeps leave to be passed through, never to be listed: where the database
    server is another user, its own folder lies below. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close(folder, _OTHERS_BUT_PASSING if passable else _OTHERS)
    return folder


def private_file(path: Path) -> Path:
    """Make a file, empty where there is none, or close one of ours, for its owner alone (0600).

    Raises OSError.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    _close(path, _OTHERS)
    return path


def open_private_log(path: Path) -> BinaryIO:
    """A log file of ours, in a folder of its own, to append to. Raises OSError."""
    private_folder(path.parent)
    return private_file(path).open("ab")


def find_open_to_others(folder: Path) -> list[str]:
    """The files of a folder, and the folder itself, that more than their owner may read or use."""
    paths = [folder, *sorted(folder.glob("[!.]*"))] if folder.is_dir() else []
    return [str(path) for path in paths if path.stat().st_mode & _OTHERS]


def _close(path: Path, bits: int) -> None:
    status = path.stat()
    if status.st_uid == os.geteuid() and status.st_mode & bits:
        path.chmod(status.st_mode & 0o7777 & ~bits)
