"""A signature in a PDF (ISO 32000-2, PAdES baseline B-B of ETSI EN 319 142-1), by pyHanko.

The same PDF, key and time give the same bytes: what pyHanko would draw at random or take from the
machine's clock is derived from what is signed.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from core.security.document_certificate import own_certificate
from core.security.keys import private_key

if TYPE_CHECKING:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.writer import BasePdfFileWriter
    from pyhanko.sign.signers import SimpleSigner


@dataclass(frozen=True, slots=True)
class Field:
    """The field that holds a signature; `box` is where on the last page a reader finds it, left,
    bottom, right and top in points, None for nowhere."""

    name: str = "Signature1"
    box: tuple[int, int, int, int] | None = None


def sign(
    pdf: bytes,
    *,
    key: bytes,
    certificates: bytes,
    reason: str,
    at: datetime,
    field: Field = Field(),
) -> bytes:
    """The PDF with a signature over all of it. Any later change of a byte shows in a reader.

    A second signature in another `field` is added after the first and leaves it whole.

    `certificates` are PEM, the signer's own first. `at` is when it was signed, by our clock; what
    is older than the certificate is signed as of the certificate's first moment, as readers may
    ask whether it was good then. Takes tens of milliseconds and its own event loop: to be called
    in a thread.
    """
    # loaded at the first signature: it costs a start 0.2 s, and few processes sign
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
    from pyhanko.sign.signers.pdf_signer import PdfSigningSession
    from pyhanko.stamp import StaticStampStyle

    moment = max(at, own_certificate(certificates).not_valid_before_utc)

    class Signer(PdfSigner):
        def init_signing_session(
            self, pdf_out: "BasePdfFileWriter", existing_fields_only: bool = False
        ) -> PdfSigningSession:
            session = super().init_signing_session(pdf_out, existing_fields_only)
            session.system_time = moment
            return session

    signer = Signer(
        PdfSignatureMetadata(
            field_name=field.name, reason=reason, subfilter=SigSeedSubFilter.PADES
        ),
        _signer(key, certificates),
        stamp_style=StaticStampStyle(border_width=0),
        new_field_spec=SigFieldSpec(field.name, on_page=-1, box=field.box),
    )
    out: BytesIO = signer.sign_pdf(_writer(pdf))
    return out.getvalue()


@cache
def _signer(key: bytes, certificates: bytes) -> "SimpleSigner":
    """A signer whose signatures are the same each time: RSA with PKCS #1 v1.5 (RFC 8017), or ECDSA
    as in RFC 6979."""
    from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore
    from pyhanko_certvalidator.util import get_pyca_cryptography_hash

    class Signer(SimpleSigner):
        def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
            secret = private_key(key)
            if not isinstance(secret, ec.EllipticCurvePrivateKey):
                return super().sign_raw(data, digest_algorithm)
            digest = get_pyca_cryptography_hash(digest_algorithm)
            return secret.sign(data, ec.ECDSA(digest, deterministic_signing=True))

    own, *others = load_certs_from_pemder_data(certificates)
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(others)
    return Signer(
        signing_cert=own,
        signing_key=load_private_key_from_pemder_data(key, passphrase=None),
        cert_registry=store,
    )


def _writer(pdf: bytes) -> "IncrementalPdfFileWriter":
    """What appends a signature to a PDF, with an id of what it is appended to."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Writer(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            """Leave the document's dates: when it was signed stands in the signature."""

    writer = Writer(BytesIO(pdf))
    first, _ = writer.document_id
    digest = hashlib.sha256(pdf).digest()[:16]
    writer._document_id = generic.ArrayObject(
        [generic.ByteStringObject(first), generic.ByteStringObject(digest)]
    )
    return writer
