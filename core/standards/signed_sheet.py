"""Sheets as one PDF, sealed and signed whole with the house's document key."""

import asyncio
from datetime import datetime

from core.security.document_certificate import name_of
from core.security.keys import Keys
from core.standards.sheet import SEAL_BOX, Sheet, render
from core.standards.signed_pdf import Field, sign


async def render_signed(keys: Keys, *pages: Sheet, at: datetime) -> bytes | None:
    """The signed PDF, the same bytes for the same pages and time; None where this house has no
    document key and certifies nothing. `at` is when what it says was so."""
    key, certificates = keys.document_signing, keys.document_certificates
    if key is None or certificates is None:
        return None

    def make() -> bytes:
        plain = render(*pages, seal=name_of(certificates))
        return sign(
            plain,
            key=key,
            certificates=certificates,
            reason=pages[0].title.en,
            at=at,
            field=Field(box=SEAL_BOX),
        )

    return await asyncio.to_thread(make)


async def render_document(keys: Keys, *pages: Sheet, at: datetime) -> bytes:
    """The same of what is owed in any case: without a document key it bears no seal."""
    signed = await render_signed(keys, *pages, at=at)
    return await asyncio.to_thread(render, *pages) if signed is None else signed
