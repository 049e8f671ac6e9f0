"""W3C Web Authentication, level 3, by py_webauthn: what browsers are asked, what they answer.

The library is loaded at first use: it brings an X.509 stack that most processes never need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from core.errors import StartError

Credential = Mapping[str, Any]
"""A `PublicKeyCredential` as its `toJSON()` gives it."""


class InvalidPasskey(ValueError):
    """An answer that is not taken."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who we are to an authenticator: the domain that keys belong to and the pages it may ask."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A new passkey: its id (base64url), its public key (COSE), what it counted."""

    credential_id: str
    public_key: bytes
    sign_count: int


def party_of(base_url: str) -> Party:
    """The party behind a public address; authenticators want a name, not an address of numbers.

    Raises StartError for an address without a host.
    """
    parts = urlsplit(base_url)
    if not parts.hostname:
        raise StartError(f"PUBLIC_URL has no host: {base_url}")
    return Party(parts.hostname, f"{parts.scheme}://{parts.netloc}")


def creation_options(
    party: Party,
    *,
    title: str,
    user_id: bytes,
    user_name: str,
    challenge: bytes,
    known: Sequence[str],
    timeout: timedelta,
) -> Mapping[str, Any]:
    """The `publicKey` of `navigator.credentials.create`: a passkey that is found without a name
    (5.4.6), by an authenticator that looks at its owner."""
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict, structs

    options = generate_registration_options(
        rp_id=party.id,
        rp_name=title,
        user_id=user_id,
        user_name=user_name,
        challenge=challenge,
        timeout=_ms(timeout),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return cast(Mapping[str, Any], options_to_json_dict(options))


def request_options(
    party: Party, *, challenge: bytes, known: Sequence[str], timeout: timedelta
) -> Mapping[str, Any]:
    """The `publicKey` of `navigator.credentials.get`; without `known` its owner chooses."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict, structs

    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=_ms(timeout),
        allow_credentials=_descriptors(known),
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return cast(Mapping[str, Any], options_to_json_dict(options))


def challenge_of(credential: Credential) -> bytes:
    """The challenge that an answer repeats; nothing of it is proved. Raises InvalidPasskey."""
    from webauthn.helpers import base64url_to_bytes

    try:
        data = orjson.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        return base64url_to_bytes(data["challenge"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidPasskey("the answer repeats no challenge") from None


def id_of(credential: Credential) -> str:
    """Which passkey an answer names; nothing of it is proved. Raises InvalidPasskey."""
    named = credential.get("id")
    if not isinstance(named, str) or not 0 < len(named) <= 1_400:
        raise InvalidPasskey("the answer names no passkey")
    return named


def verify_registration(party: Party, credential: Credential, challenge: bytes) -> Registered:
    """The new passkey of an answer (section 7.1). Raises InvalidPasskey."""
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url, parse_registration_credential_json
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = verify_registration_response(
            credential=parse_registration_credential_json(dict(credential)),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise InvalidPasskey(type(error).__name__) from None
    return Registered(
        bytes_to_base64url(verified.credential_id),
        verified.credential_public_key,
        verified.sign_count,
    )


def verify_assertion(
    party: Party, credential: Credential, challenge: bytes, *, public_key: bytes, sign_count: int
) -> int:
    """What an authenticator counts now, where its answer is good (section 7.2).

    Raises InvalidPasskey, also where it counted backwards: two authenticators hold one key.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers import parse_authentication_credential_json
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = verify_authentication_response(
            credential=parse_authentication_credential_json(dict(credential)),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise InvalidPasskey(type(error).__name__) from None
    return verified.new_sign_count


def _descriptors(ids: Sequence[str]) -> list[Any]:
    from webauthn.helpers import base64url_to_bytes, structs

    return [structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in ids]


def _ms(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)
