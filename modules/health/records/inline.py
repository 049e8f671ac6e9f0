"""Documents and pictures that stand in a resource itself, as base64, and not at an address."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence

from core.standards.fhir_bundle import Data, Page, Resource

_DIGITS = 24
PREFIX = "inline:"
"""Begins the name of such a file."""


def name_of(form: Data) -> str | None:
    """The name of an Attachment's own content, the same whenever it is sent; None without any."""
    data = form.get("data")
    if not data:
        return None
    return f"{PREFIX}{hashlib.sha256(str(data).encode()).hexdigest()[:_DIGITS]}"


def find_content(pages: Sequence[Page], name: str) -> bytes | None:
    """The content of this name in what a hospital has sent; None where it is not there any more."""
    for page in pages:
        for resource in page.resources:
            for form in _forms(resource):
                if name_of(form) == name:
                    return _decode(str(form["data"]))
    return None


def _forms(resource: Resource) -> Iterable[Data]:
    if resource.type == "DiagnosticReport":
        yield from resource.data.get("presentedForm", ())
    elif resource.type == "Media":
        yield resource.data["content"]


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error:
        return None
