"""WeChat's message push, as a server gets it: who sends is told by a signature over a shared token,
what is sent is encrypted ("secure mode"; JSON, as the console calls the form).

A signature is the SHA-1 of its parts, sorted and put together. What is encrypted is 16 random
bytes, the length, the text and the app's id under AES-256-CBC; the key is the `EncodingAESKey`, its
first half the initial vector; the padding is PKCS#7 for blocks of 32 bytes.
Source: developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

_KEY_CHARS, _PAD_BITS, _RANDOM, _HEAD = 43, 256, 16, 20


class NotFromWeChat(Exception):
    """What was received is not what WeChat sent to this app."""


@dataclass(frozen=True, slots=True, repr=False)
class Push:
    """What an app has agreed on in WeChat's console: its id, the `Token`, the `EncodingAESKey`.

    Raises ValueError for a key that is none.
    """

    app_id: str
    token: str
    key: bytes

    @classmethod
    def of(cls, app_id: str, token: str, encoding_aes_key: str) -> "Push":
        """The same from the texts of the console."""
        if not token or len(encoding_aes_key) != _KEY_CHARS:
            raise ValueError("an EncodingAESKey has 43 characters, and there is a token")
        try:
            return cls(app_id, token, base64.b64decode(encoding_aes_key + "="))
        except binascii.Error:
            raise ValueError("an EncodingAESKey is Base64") from None

    def is_signed(self, signature: str, *parts: str) -> bool:
        """Whether a signature is WeChat's, of these parts."""
        text = "".join(sorted((self.token, *parts)))
        expected = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - WeChat's form
        return hmac.compare_digest(expected.encode(), signature.encode())

    def open(self, signature: str, timestamp: str, nonce: str, sealed: str) -> dict[str, Any]:
        """The message of an `Encrypt`, whose `msg_signature` this is. Raises NotFromWeChat."""
        if not self.is_signed(signature, timestamp, nonce, sealed):
            raise NotFromWeChat
        try:
            message = json.loads(self._decrypt(sealed))
        except (ValueError, RecursionError):
            raise NotFromWeChat from None
        if not isinstance(message, dict):
            raise NotFromWeChat
        return message

    def _decrypt(self, sealed: str) -> bytes:
        """Raises ValueError for what is not ours."""
        cipher = Cipher(AES(self.key), CBC(self.key[: AES.block_size // 8])).decryptor()
        padded = cipher.update(base64.b64decode(sealed, validate=True)) + cipher.finalize()
        unpadder = PKCS7(_PAD_BITS).unpadder()
        whole = unpadder.update(padded) + unpadder.finalize()
        end = _HEAD + int.from_bytes(whole[_RANDOM:_HEAD], "big")
        if whole[end:] != self.app_id.encode():
            raise ValueError("of another app")
        return whole[_HEAD:end]
