"""A signature in a PDF (ISO 32000-2, PAdES baseline B-B of ETSI EN 319 142-1), by pyHanko."""

from io import BytesIO


def sign(
    pdf: bytes, *, key: bytes, certificates: bytes, reason: str, field: str = "Signature1"
) -> bytes:
    """The PDF with a signature over all of it. Any later change of a byte shows in a reader.

    A second signature in another `field` is added after the first and leaves it whole.

    `certificates` are PEM, the signer's own first. Takes tens of milliseconds and its own event
    loop: to be called in a thread.
    """
    # loaded at the first signature: it costs a start 0.2 s, and few processes sign
    from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    own, *others = load_certs_from_pemder_data(certificates)
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(others)
    signer = SimpleSigner(
        signing_cert=own,
        signing_key=load_private_key_from_pemder_data(key, passphrase=None),
        cert_registry=store,
    )
    meta = PdfSignatureMetadata(field_name=field, reason=reason, subfilter=SigSeedSubFilter.PADES)
    out: BytesIO = sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), meta, signer=signer)
    return out.getvalue()
