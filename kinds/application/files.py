"""Attached files: what they really are, bounded, and cleaned of what nobody asked for.

A photograph is written anew from its pixels, so no place, comment or script is left in it. A PDF is
kept as it came; it has to open without a password and within bounds.
"""

import asyncio
import io
import warnings
from dataclasses import dataclass
from typing import Protocol

from PIL import Image, ImageOps
from pypdf import Configuration, PdfReader, apply_configuration

from core.errors import InvalidInput
from kinds.application import texts

SIZE_MOST = 10_000_000
"""Bytes of one file."""

PAGES_MOST = 50
PIXELS_MOST = 40_000_000
SIDE_MOST = 4_096
"""Pixels of a stored photograph's longer side: more than a page needs to be read."""

_PDF_BOUNDS = Configuration(
    zlib_maximum_output_length=20_000_000,
    lzw_maximum_output_length=20_000_000,
    page_tree_maximum_entries=10_000,
)
_AT_ONCE = 2
"""Files that are looked into at a time: each may take a core."""

_JPEG_QUALITY = 90
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""The brands of ISO/IEC 23008-12 files (HEIF) as phones write them, behind `ftyp`."""
_PDF_HEAD = 1_024
"""A PDF begins with its mark within the first kilobyte."""


@dataclass(frozen=True, slots=True)
class CleanFile:
    """A file as it is kept."""

    media_type: str
    content: bytes
    pages: int


class _Reading(Protocol):
    def __call__(self, content: bytes) -> CleanFile: ...


_gate = asyncio.Semaphore(_AT_ONCE)


async def clean(content: bytes, *, photographs_only: bool = False) -> CleanFile:
    """The file as it may be kept, whatever its sender calls it.

    Raises InvalidInput FILE_EMPTY, FILE_LARGE, FILE_HEIC, FILE_TYPE (neither JPEG, PNG nor PDF, or
    broken; a PDF too where only photographs are taken), FILE_PIXELS, FILE_PROTECTED and FILE_PAGES.
    """
    if not content:
        raise InvalidInput(texts.FILE_EMPTY, "file")
    if len(content) > SIZE_MOST:
        raise InvalidInput(texts.FILE_LARGE, "file", most=SIZE_MOST // 1_000_000)
    async with _gate:
        return await asyncio.to_thread(_reading_of(content, photographs_only), content)


def _reading_of(content: bytes, photographs_only: bool) -> _Reading:
    if content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return _photograph
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS:
        raise InvalidInput(texts.FILE_HEIC, "file")
    if b"%PDF-" in content[:_PDF_HEAD] and not photographs_only:
        return _pdf
    raise InvalidInput(texts.FILE_TYPE, "file")


def _photograph(content: bytes) -> CleanFile:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a bomb is a warning at first
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
                if image.width * image.height > PIXELS_MOST:
                    raise InvalidInput(texts.FILE_PIXELS, "file")
                # one JPEG of several pictures is called MPO; the first is the photograph
                kind = "PNG" if image.format == "PNG" else "JPEG"
                upright = ImageOps.exif_transpose(image)
    except InvalidInput:
        raise
    except Exception:  # whatever a broken file makes the decoder raise
        raise InvalidInput(texts.FILE_TYPE, "file") from None
    upright.thumbnail((SIDE_MOST, SIDE_MOST))
    plain = upright.convert("RGB") if kind == "JPEG" else upright
    plain.info.clear()
    written = io.BytesIO()
    plain.save(written, kind, quality=_JPEG_QUALITY)
    return CleanFile(f"image/{kind.lower()}", written.getvalue(), pages=1)


def _pdf(content: bytes) -> CleanFile:
    try:
        with apply_configuration(_PDF_BOUNDS):
            reader = PdfReader(io.BytesIO(content))
            if reader.is_encrypted:
                raise InvalidInput(texts.FILE_PROTECTED, "file")
            pages = reader.get_num_pages()
    except InvalidInput:
        raise
    except Exception:  # whatever a broken file makes the reader raise
        raise InvalidInput(texts.FILE_TYPE, "file") from None
    if not 1 <= pages <= PAGES_MOST:
        raise InvalidInput(texts.FILE_PAGES, "file", most=PAGES_MOST)
    return CleanFile("application/pdf", content, pages)
