"""Files that citizens send, good and bad, made here."""

import io

from PIL import Image
from pypdf import PdfWriter

GPS_IFD, GPS_LATITUDE, DESCRIPTION, ORIENTATION = 0x8825, 2, 0x010E, 0x0112


def photograph(kind: str = "JPEG", size: tuple[int, int] = (60, 40), turned: bool = False) -> bytes:
    """A picture that says where it was taken, and a comment."""
    image = Image.new("RGB", size, "red")
    exif = Image.Exif()
    exif.get_ifd(GPS_IFD)[GPS_LATITUDE] = (36.0, 40.0, 12.5)
    exif[DESCRIPTION] = "taken at home"
    if turned:
        exif[ORIENTATION] = 6
    written = io.BytesIO()
    image.save(written, kind, exif=exif, comment=b"taken at home")
    return written.getvalue()


def pdf(pages: int = 1, *, password: str = "") -> bytes:
    """A PDF of empty pages."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()
