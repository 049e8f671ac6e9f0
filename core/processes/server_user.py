"""Whom PostgreSQL runs as: it refuses root, so root lends it a system user of its own."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import StartError

USER_NAME = "pgserver"


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user and group of the server's processes. As root another user, else ourselves."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether it is not the user of this process."""
        return self.uid != os.geteuid()

    def as_popen_options(self) -> dict[str, Any]:
        """What subprocess needs to start a process as this user."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own_private_folder(self, folder: Path) -> None:
        """Make a folder that only this user and root can enter.

        Raises StartError when it exists and belongs to somebody else.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), self.uid):
            raise StartError(f"{folder} belongs to another user")
        if self.is_other:
            os.chown(folder, self.uid, self.gid)

    def open_way_to(self, target: Path) -> None:
        """Let another user pass through (not list) the folders above `target`.

        Needed where root keeps the project in a closed place such as /root.
        """
        if self.is_other:
            for folder in target.parents:
                _add_mode(folder, stat.S_IXOTH)

    def open_for_reading(self, folders: Iterable[Path]) -> None:
        """Let another user read what was installed under a strict umask."""
        if self.is_other:
            for folder in folders:
                for path in (folder, *folder.rglob("*")):
                    executable = path.stat().st_mode & stat.S_IXUSR
                    _add_mode(path, stat.S_IROTH | (stat.S_IXOTH if executable else 0))


def server_user(pgdata: Path) -> ServerUser:
    """The user to run the server of a data folder as.

    Ourselves; as root the folder's owner, or for a new folder the system user `pgserver`, which is
    made if it does not exist. Raises StartError when the folder belongs to somebody else.
    """
    owner = pgdata.stat() if pgdata.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise StartError(
                f"{pgdata} belongs to another user: start as that user or choose another DATA_DIR"
            )
        return ServerUser(os.geteuid(), os.getegid())
    if owner is not None and owner.st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    entry = _find_or_add_user()
    return ServerUser(entry.pw_uid, entry.pw_gid)


def _find_or_add_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(USER_NAME)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is not None:
        subprocess.run(  # noqa: S603
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER_NAME],
            capture_output=True,
        )
    try:
        return pwd.getpwnam(USER_NAME)
    except KeyError:
        raise StartError(
            f"PostgreSQL does not run as root and the system user {USER_NAME} cannot be made: "
            "start as an ordinary user or set DATABASE_URL"
        ) from None


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
