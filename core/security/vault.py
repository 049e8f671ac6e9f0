"""Personal data at rest: encrypted columns and blind indexes for look-up.

A vault encrypts with AES-256-GCM under the newest data key and decrypts under any key it still
holds, so keys rotate. The column's purpose ("identity.phone") is bound in as associated data: a
value copied into another column does not decrypt. A blind index is HMAC-SHA256 over the purpose
and the normalised value: equal values meet, nothing can be read from it without the key.
"""

import hmac
import secrets
import unicodedata
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_CARD_CHARS = 15
"""Numbers of cards have at least so many characters: place, birth date, more."""


class VaultError(Exception):
    """A stored value does not decrypt: a key is missing or the value was tampered with."""


class Vault:
    """Encrypts and finds personal data.

    `data_keys` maps a key number (1 to 255) to 32 bytes; the highest number encrypts. `reload`
    reads the keys anew when a value stands under a number that another process knows already.
    """

    def __init__(
        self,
        data_keys: Mapping[int, bytes],
        index_key: bytes,
        reload: Callable[[], Mapping[int, bytes]] | None = None,
    ) -> None:
        self._index_key = index_key
        self._reload = reload
        self._take(data_keys)

    @property
    def newest(self) -> int:
        """The number of the key that encrypts."""
        return self._newest

    @property
    def numbers(self) -> list[int]:
        """The numbers of all keys that are held."""
        return sorted(self._ciphers)

    def encrypt(self, value: str, purpose: str, *, number: int | None = None) -> bytes:
        """Ciphertext of a value: key number, nonce, AES-GCM output. Different at every call.

        The newest key encrypts unless another's `number` is given.
        """
        number, nonce = number or self._newest, secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[number].encrypt(nonce, value.encode(), purpose.encode())
        return bytes([number]) + nonce + sealed

    def encrypt_file(self, content: bytes, purpose: str) -> tuple[bytes, bytes]:
        """A file under a key of its own, and that key sealed: resealing leaves the file alone."""
        key, nonce = AESGCM.generate_key(256), secrets.token_bytes(_NONCE_BYTES)
        body = AESGCM(key).encrypt(nonce, content, purpose.encode())
        return self.encrypt(key.hex(), purpose), nonce + body

    def decrypt_file(self, key_sealed: bytes, content: bytes, purpose: str) -> bytes:
        """The file behind what `encrypt_file` gave. Raises VaultError when it is not ours."""
        cipher = AESGCM(bytes.fromhex(self.decrypt(key_sealed, purpose)))
        nonce, body = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, body, purpose.encode())
        except InvalidTag:
            raise VaultError("the file was tampered with") from None

    def decrypt(self, sealed: bytes, purpose: str) -> str:
        """The value behind a ciphertext. Raises VaultError when it is not ours."""
        cipher = self._cipher(sealed[0]) if sealed else None
        if cipher is None:
            raise VaultError("no key for this value")
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, purpose.encode()).decode()
        except (InvalidTag, ValueError):
            raise VaultError("the value was changed or belongs to another column") from None

    def reload(self) -> None:
        """Read the keys anew, so that a key made since the start is used."""
        if self._reload is not None:
            self._take(self._reload())

    def _cipher(self, number: int) -> AESGCM | None:
        if number not in self._ciphers:
            self.reload()
        return self._ciphers.get(number)

    def _take(self, data_keys: Mapping[int, bytes]) -> None:
        self._ciphers = {number: AESGCM(key) for number, key in data_keys.items()}
        self._newest = max(data_keys)

    def blind_index(self, value: str, purpose: str) -> bytes:
        """32 bytes that are equal for equal values of one purpose."""
        message = f"{purpose}\x00{normalise(value)}".encode()
        return hmac.digest(self._index_key, message, "sha256")


def normalise(value: str) -> str:
    """One spelling for look-up: NFKC, no surrounding or inner blanks, one kind of middle dot.

    Names of several minorities carry a middle dot that people type in five ways.
    """
    folded = unicodedata.normalize("NFKC", value)
    for dot in "•‧∙・·":
        folded = folded.replace(dot, "·")
    return "".join(folded.split()).upper()


def mask_phone(phone: str) -> str:
    """138****5678."""
    return f"{phone[:3]}****{phone[-4:]}"


def mask_document_no(number: str) -> str:
    """110105********002X: where and when somebody was born is not told whole; H******78 of a permit
    or a certificate, whose numbers are shorter."""
    if len(number) < _CARD_CHARS:
        return f"{number[:1]}{'*' * max(0, len(number) - 3)}{number[-2:]}"
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


def mask_name(name: str) -> str:
    """The last character stays: 张三 → *三."""
    return "*" * (len(name) - 1) + name[-1:]
