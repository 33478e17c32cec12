"""The keys of a region: opening what clients sealed, and tokens with which machines report.

Every executor of a region holds the same folder of keys, one file a key. Nothing else in Mulligan
can open a secret or make a report's token. The folder is read again whenever it changed:

    <time>-<key id>[-<operation>].key                   live: offered to clients; the newest signs
    <time>-<key id>[-<operation>].retired-<time>        opens and verifies only
"""

import fcntl
import json
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Self

import jwt
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from activities import lease
from mulligan.values.errors import HardwareError, PermissionDeniedError

Audience = Literal["guest", "ramdisk"]

RETIRED_OPENS_FOR = timedelta(days=8)
"""How long a retired key is kept at least: longer than any report's token is valid."""

_GIVE_AGAIN = (
    "give the secret again (that of a server with `mulligan server set NAME --username …`)"
)
_TIME = "%Y%m%dT%H%M%SZ"
_LIVE = re.compile(r"\d{8}T\d{6}Z-.*\.key")
_RETIRED = re.compile(r"\d{8}T\d{6}Z-.*\.retired-(\d{8}T\d{6}Z)")


@dataclass(frozen=True)
class ReportToken:
    """What a report's token says: which operation it is for, and who may use it."""

    operation: str
    audience: Audience


@dataclass(frozen=True)
class _Key:
    key_id: str
    private: PrivateKey
    path: Path
    retired_at: datetime | None

    @property
    def signing(self) -> bytes:
        return blake2b(b"report token", key=bytes(self.private), digest_size=32).digest()


class RegionKeys:
    """The private keys of one region: the newest live one seals and signs, each of them opens."""

    def __init__(self, folder: Path, region: str) -> None:
        self.region = region
        self._folder = folder
        self._read: tuple[list[str], list[_Key]] = ([], [])

    @classmethod
    def load(cls, folder: Path, region: str) -> Self:
        """Read the region's keys, making the first one where there is none (mode 0600)."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys = cls(folder, region)
        with keys._alone():
            if not _has_live(keys._names()):
                keys._make("")
        return keys

    def public_keys(self) -> list[tuple[str, str]]:
        """Give (key id, public key in base64) of the live keys, newest first."""
        return [
            (key.key_id, b64encode(bytes(key.private.public_key)).decode()) for key in self._live()
        ]

    # Secrets

    def open(self, sealed: str, **bound_to: str) -> dict[str, str]:
        """Open a sealed text, refusing one that was sealed for another object.

        Args:
            sealed: "<key id>.<base64 of an X25519 sealed box around a JSON object>".
            bound_to: what the object must say of itself, such as endpoint, address and region.

        Raises:
            HardwareError: SECRET_UNREADABLE or SECRET_MISMATCH; neither repeats the secret.
        """
        key_id, _, body = sealed.partition(".")
        key = next((key for key in self._all() if key.key_id == key_id), None)
        if key is None:
            raise HardwareError(
                f"the secret is sealed to key {key_id!r}, which the executors of region "
                f"{self.region} do not hold; {_GIVE_AGAIN}",
                code="SECRET_UNREADABLE",
            )
        try:
            content = json.loads(SealedBox(key.private).decrypt(b64decode(body)))
        except (CryptoError, ValueError):
            raise HardwareError(
                f"the sealed secret is damaged; {_GIVE_AGAIN}", code="SECRET_UNREADABLE"
            ) from None
        for name, expected in bound_to.items():
            if content.get(name) != expected:
                raise HardwareError(
                    f"the secret was sealed for another {name}; {_GIVE_AGAIN}",
                    code="SECRET_MISMATCH",
                    field=name,
                )
        return {str(name): str(value) for name, value in content.items()}

    def seal_anew(self, sealed: str, **bound_to: str) -> str:
        """Seal to the newest key what was sealed to an older one, for the same object only.

        Raises:
            HardwareError: SECRET_UNREADABLE or SECRET_MISMATCH.
        """
        content = self.open(sealed, **bound_to)
        newest = self._newest()
        plain = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
        box = SealedBox(newest.private.public_key).encrypt(plain)
        return f"{newest.key_id}.{b64encode(box).decode()}"

    # Rotation

    def make_key(self, operation: str) -> str:
        """Make the key of a rotation, newer than all others, once however often it is asked for.

        Returns:
            The id of the newest key.
        """
        with self._alone():
            if not any(f"-{operation}." in name for name in self._names()):
                lease.require("make a key")
                self._make(f"-{operation}")
        return self._newest().key_id

    def retire_older(self, now: datetime) -> None:
        """Offer the newest key only; the others go on opening what was sealed to them."""
        with self._alone():
            for key in self._live()[1:]:
                lease.require("retire a key")
                key.path.rename(key.path.with_suffix(f".retired-{now:{_TIME}}"))

    def delete_retired(
        self, now: datetime, needed: Collection[str], oldest_running: datetime | None
    ) -> None:
        """Delete retired keys that nothing can need any more.

        Args:
            now: the present.
            needed: ids of keys to which something is still sealed.
            oldest_running: since when the oldest operation runs that may carry sealed texts.
        """
        with self._alone():
            for key in self._all():
                if key.retired_at is None or key.retired_at > now - RETIRED_OPENS_FOR:
                    continue
                is_carried = oldest_running is not None and oldest_running <= key.retired_at
                if key.key_id not in needed and not is_carried:
                    lease.require("delete a key")
                    key.path.unlink(missing_ok=True)

    # Reports and media

    def report_token(self, operation: str, audience: Audience, expires_at: datetime) -> str:
        """Sign a token with which a machine or ramdisk may report on one operation."""
        claims = {"sub": operation, "aud": audience, "exp": expires_at}
        return jwt.encode(claims, self._newest().signing, algorithm="HS256")

    def check_report_token(self, token: str, audience: Audience) -> ReportToken:
        """Read a report's token, signed with any key that is still there.

        Raises:
            PermissionDeniedError: the token is not of this region, expired, or for somebody else.
        """
        for key in self._all():
            try:
                claims = jwt.decode(
                    token,
                    key.signing,
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

    def secret_paths(self, *parts: str) -> list[str]:
        """Derive unguessable path elements, the same on each executor: one a key, newest first."""
        text = "\n".join(parts).encode()
        return [
            blake2b(text, key=bytes(key.private), digest_size=20, person=b"media path").hexdigest()
            for key in self._all()
        ]

    # The folder

    def _newest(self) -> _Key:
        return self._live()[0]

    def _live(self) -> list[_Key]:
        return [key for key in self._all() if key.retired_at is None]

    def _all(self) -> list[_Key]:
        """Give all keys, newest first, reading the folder again when a name in it changed.

        A folder without a live key was not made by a rotation: what was read before stands.
        """
        while True:
            names, (known, keys) = self._names(), self._read
            if names == known or (keys and not _has_live(names)):
                return keys
            try:
                self._read = (names, [_read_key(self._folder / name) for name in names])
            except FileNotFoundError:
                continue  # retired or deleted meanwhile

    def _names(self) -> list[str]:
        names = [path.name for path in self._folder.iterdir()]
        keys = [name for name in names if _LIVE.fullmatch(name) or _RETIRED.fullmatch(name)]
        return sorted(keys, reverse=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the region's other executors from changing the folder."""
        with (self._folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make(self, suffix: str) -> None:
        """Write a key that sorts before all others; it is on the disk before anyone seals to it."""
        made = datetime.now(UTC).replace(microsecond=0)
        newest = next(iter(self._names()), "")
        if newest:
            second = datetime.strptime(newest.partition("-")[0], _TIME).replace(tzinfo=UTC)
            made = max(made, second + timedelta(seconds=1))
        key = PrivateKey.generate()
        for part in self._folder.glob(".part-*"):
            part.unlink(missing_ok=True)
        part = self._folder / f".part-{secrets.token_hex(6)}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b64encode(bytes(key)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._folder / f"{made:{_TIME}}-{_key_id(key.public_key)}{suffix}.key")
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _has_live(names: Collection[str]) -> bool:
    return any(_LIVE.fullmatch(name) for name in names)


def _read_key(path: Path) -> _Key:
    private = PrivateKey(b64decode(path.read_bytes()))
    retired = _RETIRED.fullmatch(path.name)
    retired_at = datetime.strptime(retired[1], _TIME).replace(tzinfo=UTC) if retired else None
    return _Key(_key_id(private.public_key), private, path, retired_at)


def _key_id(key: PublicKey) -> str:
    return blake2b(bytes(key), digest_size=6).hexdigest()
