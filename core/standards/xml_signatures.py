"""Enveloped XML signatures (XMLDSig) of senders whose certificates are known beforehand."""

from lxml.etree import LxmlError
from lxml.etree import _Element as Element
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

_EXPECTED = SignatureConfiguration(
    require_x509=True,
    location="./",
    expect_references=1,
    signature_methods=frozenset(
        {
            SignatureMethod.RSA_SHA256,
            SignatureMethod.RSA_SHA384,
            SignatureMethod.RSA_SHA512,
            SignatureMethod.ECDSA_SHA256,
            SignatureMethod.ECDSA_SHA384,
        }
    ),
    digest_algorithms=frozenset(
        {DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}
    ),
)


class SignatureInvalid(Exception):
    """The document is not signed, or not by the one whose certificate is known."""


def signed_element(root: Element, certificate_pem: str) -> Element:
    """What the signature of a document covers: nothing else of it may be used.

    The certificate is the one that is known, whatever the document brings along; SHA-1 and shared
    secrets are refused. Raises SignatureInvalid.
    """
    try:
        found = XMLVerifier().verify(root, x509_cert=certificate_pem, expect_config=_EXPECTED)
    except (SignXMLException, LxmlError, ValueError):
        raise SignatureInvalid from None
    signed = (found[0] if isinstance(found, list) else found).signed_xml
    if signed is None:
        raise SignatureInvalid
    return signed
