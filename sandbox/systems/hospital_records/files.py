"""The files of reports: a small picture and a small document."""

import struct
import zlib


def _picture(side: int = 32) -> bytes:
    """A grey PNG with a lighter disc."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    half = side / 2
    rows = b"".join(
        b"\0" + bytes(200 if (x - half) ** 2 + (y - half) ** 2 < half * half / 2 else 60
                      for x in range(side))
        for y in range(side)
    )  # fmt: skip
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(
        b"IDAT", zlib.compress(rows)
    ) + chunk(b"IEND", b"")  # fmt: skip


DOCUMENT = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""
FILES = {"chest": _picture(), "chest-report": DOCUMENT}
"""By the id of the Binary."""
