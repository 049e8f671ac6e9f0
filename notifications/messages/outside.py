"""Words of providers as they are kept: one that no column holds is of its message alone."""

import hashlib

from notifications.messages.models import REASON_MAX, REF_MAX


def kept_ref(ref: str) -> str:
    """A provider's own name for a message; of one that cannot be kept a hash, which its receipt has
    as well."""
    if len(ref) <= REF_MAX and ref.isprintable():
        return ref
    return hashlib.sha256(ref.encode(errors="surrogatepass")).hexdigest()


def kept_reason(reason: str) -> str:
    """Why a provider does not take a message, as far as it can be kept."""
    return "".join(filter(str.isprintable, reason))[:REASON_MAX]
