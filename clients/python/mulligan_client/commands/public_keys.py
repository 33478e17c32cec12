"""SSH public keys from files; a private key is refused before anything is sent."""

from base64 import b64decode
from binascii import Error as Base64Error
from pathlib import Path

_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


def read_public_keys(path: Path) -> list[str]:
    """Read the public keys of a file, one a line as in authorized_keys.

    Raises:
        ValueError: it is a private key, has something else in it, or nothing.
    """
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text, so it is no SSH public key") from None
    if "PRIVATE KEY-----" in text:
        beside = path.with_name(path.name + ".pub")
        give = beside if beside.exists() else f"what `ssh-keygen -y -f {path}` prints"
        raise ValueError(f"{path} is a PRIVATE key; it stays where it is: give {give}")
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    for number, key in enumerate(keys, 1):
        if not is_public_key(key):
            raise ValueError(
                f"key {number} of {path} is no SSH public key; one looks like "
                "'ssh-ed25519 AAAAC3… comment'"
            )
    if not keys:
        raise ValueError(f"{path} has no SSH public key in it")
    return keys


def is_public_key(line: str) -> bool:
    """Tell whether a line is a public key: its blob names the same type (RFC 4253, section 6.6)."""
    kind, _, rest = line.partition(" ")
    blob = rest.strip().partition(" ")[0]
    if kind not in _TYPES or not blob:
        return False
    try:
        decoded = b64decode(blob, validate=True)
    except Base64Error:
        return False
    length = int.from_bytes(decoded[:4], "big")
    return decoded[4 : 4 + length] == kind.encode() and len(decoded) > 4 + length
