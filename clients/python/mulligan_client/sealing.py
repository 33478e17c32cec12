"""Secrets are sealed to a region's key before they leave the terminal.

Only the executors of the region can open them (X25519 sealed boxes, libsodium's crypto_box_seal).
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from urllib.parse import urlsplit

from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox

USER_DATA_LIMIT_BYTES = 64 << 10
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What people paste behind the host; it says nothing about which BMC it is.
_REDFISH_ROOTS = ("", "/", "/redfish", "/redfish/", "/redfish/v1", "/redfish/v1/")


def seal(public_key_b64: str, key_id: str, **content: str) -> str:
    """Seal a content to a region's key: "<key id>.<base64>".

    Args:
        public_key_b64: X25519 public key, as ControlService.ListRegionKeys gives it.
        key_id: its id.
        content: for a BMC endpoint, address, region, username and password; for user data region,
            purpose ("user-data") and user_data.

    Raises:
        ValueError: the public key is none.
    """
    try:
        key = PublicKey(b64decode(public_key_b64, validate=True))
    except (Base64Error, CryptoError, ValueError):
        raise ValueError(f"key {key_id} is not an X25519 public key in base64") from None
    plain = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    return f"{key_id}.{b64encode(SealedBox(key).encrypt(plain)).decode()}"


def url_origin(url: str) -> str:
    """Write what an image's credentials are sealed for: scheme://host:port, the port always.

    Raises:
        ValueError: the port is none.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


def canonical_address(text: str) -> str:
    """Write a BMC's address in its one form: scheme://host[:port], lower case, nothing behind it.

    The scheme is https where none is given, and a port that the scheme implies is left out.

    Raises:
        ValueError: the address has a user name, a path or no host, or isn't http(s); the sentence
            never repeats a password.
    """
    text = text.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if "@" in parts.netloc:
        raise ValueError(
            "the address has a user name or password in it; leave it out and give --username, "
            "the password is asked for"
        )
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"scheme {parts.scheme!r} is not http or https")
    if parts.query or parts.fragment or parts.path not in _REDFISH_ROOTS:
        raise ValueError(
            f"{text!r} has something behind the host; give scheme://host[:port] only, and the "
            "Redfish path of the computer system with --system"
        )
    host = parts.hostname
    if not host or any(character.isspace() for character in host):
        raise ValueError(f"{text!r} has no host")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"the port of {text!r} is not a number from 1 to 65535") from None
    host = f"[{host}]" if ":" in host else host
    if port is None or port == _DEFAULT_PORTS[parts.scheme]:
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"
