"""The keys of a region: opening what clients sealed, and tokens with which machines report.

Every executor of a region holds the same folder of keys, one file a key, newest first by name.
Nothing else in Mulligan can open a secret or make a report's token.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Self

import jwt
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from mulligan.values.errors import HardwareError, PermissionDeniedError

Audience = Literal["guest", "ramdisk"]


@dataclass(frozen=True)
class ReportToken:
    """What a report's token says: which operation it is for, and who may use it."""

    operation: str
    audience: Audience


class RegionKeys:
    """The live private keys of one region; the first one signs, each of them opens and verifies."""

    def __init__(self, region: str, keys: Mapping[str, PrivateKey]) -> None:
        self.region = region
        self._keys = dict(keys)

    @classmethod
    def load(cls, folder: Path, region: str) -> Self:
        """Read the region's keys, making the first one where there is none (mode 0600)."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not any(folder.glob("*.key")):
            key = PrivateKey.generate()
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            path = folder / f"{stamp}-{_key_id(key.public_key)}.key"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(b64encode(bytes(key)) + b"\n")
        newest_first = sorted(folder.glob("*.key"), reverse=True)
        keys = [PrivateKey(b64decode(path.read_bytes())) for path in newest_first]
        return cls(region, {_key_id(key.public_key): key for key in keys})

    def public_keys(self) -> list[tuple[str, str]]:
        """Give (key id, public key in base64), newest first."""
        return [
            (key_id, b64encode(bytes(key.public_key)).decode())
            for key_id, key in self._keys.items()
        ]

    def open(self, sealed: str, **bound_to: str) -> dict[str, str]:
        """Open a sealed text, refusing one that was sealed for another object.

        Args:
            sealed: "<key id>.<base64 of an X25519 sealed box around a JSON object>".
            bound_to: what the object must say of itself, such as endpoint, address and region.

        Raises:
            HardwareError: SECRET_UNREADABLE or SECRET_MISMATCH; neither repeats the secret.
        """
        key_id, _, body = sealed.partition(".")
        key = self._keys.get(key_id)
        if key is None:
            raise HardwareError(
                f"the secret is sealed to key {key_id!r}, which the executors of region "
                f"{self.region} do not hold; give the secret again",
                code="SECRET_UNREADABLE",
            )
        try:
            content = json.loads(SealedBox(key).decrypt(b64decode(body)))
        except (CryptoError, ValueError):
            raise HardwareError(
                "the sealed secret is damaged; give the secret again", code="SECRET_UNREADABLE"
            ) from None
        for name, expected in bound_to.items():
            if content.get(name) != expected:
                raise HardwareError(
                    f"the secret was sealed for another {name}; give the secret again",
                    code="SECRET_MISMATCH",
                    field=name,
                )
        return {str(name): str(value) for name, value in content.items()}

    def report_token(self, operation: str, audience: Audience, expires_at: datetime) -> str:
        """Sign a token with which a machine or ramdisk may report on one operation."""
        claims = {"sub": operation, "aud": audience, "exp": expires_at}
        return jwt.encode(claims, self._signing_keys()[0], algorithm="HS256")

    def check_report_token(self, token: str, audience: Audience) -> ReportToken:
        """Read a report's token.

        Raises:
            PermissionDeniedError: the token is not of this region, expired, or for somebody else.
        """
        for key in self._signing_keys():
            try:
                claims = jwt.decode(
                    token,
                    key,
                    algorithms=["HS256"],
                    audience=audience,
                    options={"require": ["sub", "aud", "exp"]},
                )
                return ReportToken(operation=claims["sub"], audience=audience)
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as error:
                raise PermissionDeniedError(f"the report's token is refused: {error}") from None
        raise PermissionDeniedError("the report's token was not signed by this region")

    def _signing_keys(self) -> list[bytes]:
        return [
            blake2b(b"report token", key=bytes(key), digest_size=32).digest()
            for key in self._keys.values()
        ]

    def secret_path(self, *parts: str) -> str:
        """Derive an unguessable path element, the same on each executor of the region."""
        key = bytes(next(iter(self._keys.values())))
        text = "\n".join(parts).encode()
        return blake2b(text, key=key, digest_size=20, person=b"media path").hexdigest()


def _key_id(key: PublicKey) -> str:
    return blake2b(bytes(key), digest_size=6).hexdigest()
