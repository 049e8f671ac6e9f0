"""HTTP Live Streaming (RFC 8216): every address in a playlist found and replaced.

An address is a line that is no tag, or the attribute URI of a tag, whichever tag it is: segments,
variants, keys, initialisation sections, renditions and parts alike. Relative addresses lose the
query of their playlist, and players send neither headers nor cookies for them.
"""

import re
from collections.abc import Callable
from posixpath import dirname, join, normpath
from urllib.parse import urlsplit

MEDIA_TYPE = "application/vnd.apple.mpegurl"
_URI = re.compile(r'(URI=")([^"]*)(")')
_PATH = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")
PATH_MAX = 256


class PlaylistError(ValueError):
    """This is no playlist, or it names what is not its own."""


def is_playlist(path: str) -> bool:
    """Whether a path is that of a playlist."""
    return path.endswith((".m3u8", ".m3u"))


def is_path(path: str) -> bool:
    """Whether a path stays within its folder and has nothing in it but names."""
    names = path.split("/")
    return (
        len(path) <= PATH_MAX
        and _PATH.fullmatch(path) is not None
        and not {".", ".."}.intersection(names)
    )


def rewrite(playlist: str, path: str, address_of: Callable[[str], str]) -> str:
    """A playlist with the address of each thing that it names.

    `path` is the playlist's own within its folder, `address_of` gives the address of a path.
    Raises PlaylistError for what is no playlist and for an address outside the folder.
    """
    lines = playlist.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != "#EXTM3U":
        raise PlaylistError("it does not begin with #EXTM3U")

    def replace(uri: str) -> str:
        return address_of(_resolve(path, uri))

    def line_of(line: str) -> str:
        if line.startswith("#EXT"):
            return _URI.sub(lambda found: found[1] + replace(found[2]) + found[3], line)
        if line.startswith("#") or not line.strip():
            return line
        return replace(line.strip())

    return "\n".join(line_of(line) for line in lines) + "\n"


def _resolve(path: str, uri: str) -> str:
    """The path of what a playlist names."""
    parts = urlsplit(uri)
    if parts.scheme or parts.netloc or parts.path.startswith("/") or not parts.path:
        raise PlaylistError("an address of another server")
    resolved = normpath(join(dirname(path), parts.path))
    if not is_path(resolved):
        raise PlaylistError("an address outside the folder")
    return resolved
