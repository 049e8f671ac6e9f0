"""A sheet as a PDF that is signed whole with the house's document key."""

import asyncio

from core.security.keys import Keys
from core.standards.sheet import Sheet, render
from core.standards.signed_pdf import sign


async def render_signed(page: Sheet, keys: Keys) -> bytes | None:
    """The signed PDF; None where this house has no document key and certifies nothing."""
    key, certificates = keys.document_signing, keys.document_certificates
    if key is None or certificates is None:
        return None

    def make() -> bytes:
        return sign(render(page), key=key, certificates=certificates, reason=page.title.en)

    return await asyncio.to_thread(make)
