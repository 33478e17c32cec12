"""Texts that a client sealed to a region's key: "<key id>.<base64 of an X25519 sealed box>"."""

import re
from base64 import b64decode
from binascii import Error as Base64Error

from mulligan.values.errors import InvalidArgumentError

KEY_ID = r"[0-9a-f]{12}"
"""The form of a key's id: six bytes of a digest of the public key, in hexadecimal."""

SEAL_BYTES = 48
"""What a sealed box adds to its content: libsodium's crypto_box_SEALBYTES."""


def require_sealed(text: str, field: str) -> None:
    """Refuse a text that can't have been sealed; whether it opens only an executor can tell.

    Raises:
        InvalidArgumentError: it has another form; names the field and never repeats the text.
    """
    key_id, _, body = text.partition(".")
    try:
        box = b64decode(body, validate=True)
    except (Base64Error, ValueError):
        box = b""
    if not re.fullmatch(KEY_ID, key_id) or len(box) <= SEAL_BYTES:
        raise InvalidArgumentError(
            f"{field} must be sealed to a key of the region: its id as `ListRegionKeys` gives it, "
            "a dot, and a sealed box (X25519) in base64",
            field=field,
        )
