"""A folder belongs to one running process at a time; the kernel frees it when that process dies."""

import fcntl
import os
from pathlib import Path
from typing import Self

from core.errors import HeldError, StartError
from core.security.private_files import private_folder


class FolderLock:
    """An exclusive lock on a file, held until `release()` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> Self:
        """Take the lock, creating its folder; raises HeldError when another holds it.

        Taking it twice is allowed. Raises StartError where the folder cannot be written.
        """
        if self._handle is not None:
            return self
        try:
            private_folder(self._path.parent, passable=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except (FileExistsError, NotADirectoryError) as error:
            raise StartError(f"cannot write to {self._path.parent}: it is no folder") from error
        except OSError as error:
            raise StartError(f"cannot write to {self._path.parent}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 20).decode(errors="replace").strip()
            os.close(handle)
            raise HeldError(_held(self._path.parent, holder)) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._handle = handle
        return self

    def require_free(self) -> None:
        """Raise HeldError when another process holds the lock; creates and keeps nothing."""
        if self._handle is None and self._path.exists():
            self.acquire().release()

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _held(folder: Path, holder: str) -> str:
    who = f" (process {holder})" if holder else ""
    return f"{folder} is in use by a running instance{who}: stop it or choose another DATA_DIR"
