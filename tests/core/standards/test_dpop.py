"""Signed tokens and DPoP proofs: the published vectors, spellings of addresses, windows of time."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from core.standards.dpop import Window, normal_url, read_proof, token_hash
from core.standards.jose import (
    InvalidToken,
    check_public_keys,
    claims_of,
    header_of,
    thumbprint,
    time_claim,
)

# RFC 9449 figures 2 and 13, section 6.1
KEY = {
    "kty": "EC",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    "crv": "P-256",
}
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
_HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
)
FOR_TOKEN = (
    _HEADER + "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLm"
    "V4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwn"
    "Qg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
FOR_RESOURCE = (
    _HEADER + "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS"
    "5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTN"
    "Fc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF"
    "8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
AT = datetime.fromtimestamp(1562262616, UTC)
SERVER, RESOURCE = (
    "https://server.example.com/token",
    "https://resource.example.org/protectedresource",
)


def test_the_proofs_of_rfc_9449() -> None:
    asked = read_proof([FOR_TOKEN], method="POST", url=SERVER, now=AT)
    used = read_proof([FOR_RESOURCE], method="GET", url=RESOURCE, now=AT, access_token=TOKEN)
    assert asked.thumbprint == used.thumbprint == THUMBPRINT
    assert asked.use_key != used.use_key
    assert token_hash(TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    with pytest.raises(InvalidToken, match="ath"):
        read_proof([FOR_RESOURCE], method="GET", url=RESOURCE, now=AT, access_token="x")
    with pytest.raises(InvalidToken, match="ath"):
        read_proof([FOR_TOKEN], method="POST", url=SERVER, now=AT, access_token=TOKEN)
    for headers in ([], [FOR_TOKEN, FOR_TOKEN], [f"{FOR_TOKEN}, {FOR_TOKEN}"]):
        with pytest.raises(InvalidToken):
            read_proof(headers, method="POST", url=SERVER, now=AT)


def test_the_thumbprint_of_rfc_7638() -> None:
    # section 3.1; further members change nothing
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = {"kty": "RSA", "e": "AQAB", "n": modulus, "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    for other in ({"kty": "oct", "k": "AA"}, {"kty": "EC", "crv": "P-256"}, {}):
        with pytest.raises(InvalidToken):
            thumbprint(other)


def test_the_signatures_of_rfc_7515() -> None:
    # appendix A.3: ES256; A.5: none; appendix E: a critical extension that nobody knows
    key = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    payload = (
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
        "fQ"
    )
    signature = (
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    assert claims_of(f"eyJhbGciOiJFUzI1NiJ9.{payload}.{signature}", key)["iss"] == "joe"
    with pytest.raises(InvalidToken, match="signature"):
        claims_of(f"eyJhbGciOiJFUzI1NiJ9.{payload}.{signature[:-2]}AA", key)
    critical = (
        "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9l"
        "eGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA."
    )
    for token in (f"eyJhbGciOiJub25lIn0.{payload}.", critical, "", ".", "a.b.c", "." * 9_000):
        with pytest.raises(InvalidToken):
            header_of(token)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # quarkusio/quarkus#48110, keycloak/keycloak#39332, danielfett/draft-dpop#49
        ("https://h:443/p", "https://h/p"),
        ("http://H:80", "http://h/"),
        ("HTTPS://H/%7Ea/./b", "https://h/~a/b"),
        ("https://h/p?q#f", "https://h/p"),
        ("https://h/a/../b/", "https://h/b/"),
        ("https://h/a/..", "https://h/"),
        ("https://h/%2f", "https://h/%2F"),
        ("https://[::1]:443/x", "https://[::1]/x"),
    ],
)
def test_one_address_in_two_spellings(one: str, other: str) -> None:
    assert normal_url(one) == normal_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://h/p", "https://h/p/"),
        ("https://h/p", "http://h/p"),
        ("https://h:8443/p", "https://h/p"),
        ("https://h/%2F", "https://h//"),
        ("https://h/A", "https://h/a"),
    ],
)
def test_two_addresses(one: str, other: str) -> None:
    assert normal_url(one) != normal_url(other)


@pytest.mark.parametrize(
    "url", ["", "/p", "h/p", "ftp://h/", "https://", "https://u@h/", "https://h:x/", "https://é/"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InvalidToken):
        normal_url(url)


def test_the_window_of_a_proof_outlives_it_by_the_skew() -> None:
    # keycloak/keycloak#43505: lifetime 10 s, skew 15 s
    window = Window(timedelta(seconds=10), timedelta(seconds=15))
    made_at = AT - timedelta(seconds=20)
    assert window.admits(made_at, AT)
    assert window.ends_at(made_at) == AT + timedelta(seconds=5)
    assert window.admits(AT + timedelta(seconds=15), AT)
    assert not window.admits(AT + timedelta(seconds=16), AT)
    assert not window.admits(AT - timedelta(seconds=25), AT)


def test_times_are_numbers() -> None:
    for value in (None, "1", True, [], float("nan"), float("inf"), -1, 1e300):
        with pytest.raises(InvalidToken):
            time_claim({"iat": value}, "iat")
    assert time_claim({"iat": 1562262616.5}, "iat") == AT + timedelta(seconds=0.5)


def test_a_key_set_has_public_keys_of_three_kinds_with_names() -> None:
    named = KEY | {"kid": "one"}
    small = jwt.algorithms.RSAAlgorithm.to_jwk(
        rsa.generate_private_key(65537, 1024).public_key(), as_dict=True
    )
    other_curve = jwt.algorithms.ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True
    )
    left_out = [
        KEY,
        named | {"kid": "two", "use": "enc"},
        named | {"kid": "three", "alg": "RS256"},
        small | {"kid": "four"},
        other_curve | {"kid": "five"},
        {"kty": "new", "kid": "six"},
    ]
    assert check_public_keys({"keys": [*left_out, named]}) == [named]
    private = named | {"d": "AA"}
    for wrong in (None, [], {}, {"keys": 1}, {"keys": [1]}, {"keys": []}, {"keys": left_out}):
        with pytest.raises(InvalidToken):
            check_public_keys(wrong)
    for keys in ([named, named], [named, private]):
        with pytest.raises(InvalidToken):
            check_public_keys({"keys": keys})
