"""What a release must not tell: secrets, and the machine that made it."""

import gzip
import re
import zlib
from base64 import b64decode
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from tests.fakes.site import PASSWORD

NOT_TOLD = ("PRIVATE KEY", PASSWORD, "/tmp/", "/home/", "/root/")
_PROCESS = re.compile(rb"\b\d{2,}@[A-Za-z][\w.-]{2,}")
"""How Temporal's SDK names a worker: by its process and machine."""

_HEX = re.compile(rb"(?:X'|\\x)((?:[0-9A-Fa-f]{2})+)'")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{8,}={0,2}")
_DIGITS = 4
"""So many of base64 give whole bytes."""


def told(folder: Path, words: Collection[str] = ()) -> list[str]:
    """Say which files of a release tell what they must not, in whatever they pack it.

    Args:
        folder: of the release.
        words: what they must not tell either.
    """
    wanted = [re.compile(re.escape(word.encode())) for word in (*NOT_TOLD, *words)]
    return [
        f"{path.relative_to(folder)}: {found.group().decode()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for text in _texts(path)
        for pattern in (*wanted, _PROCESS)
        if (found := pattern.search(text))
    ]


def _texts(path: Path) -> Iterator[bytes]:
    """The content of a file, and what stands in it as digits of base 16 or 64."""
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    yield content
    for digits in _HEX.findall(content):
        yield _inflated(bytes.fromhex(digits.decode()))
    for digits in _BASE64.findall(content):
        yield _inflated(b64decode(digits[: len(digits) // _DIGITS * _DIGITS]))


def _inflated(content: bytes) -> bytes:
    with suppress(zlib.error):
        return zlib.decompress(content)
    return content
