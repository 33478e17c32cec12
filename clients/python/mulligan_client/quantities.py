"""Sizes, times and durations as people write and read them."""

import re
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

_MIB = {"MIB": 1, "M": 1, "GIB": 1 << 10, "G": 1 << 10, "TIB": 1 << 20, "T": 1 << 20}
_SIZE = re.compile(r"(\d+)\s*([A-Za-z]+)")
_SECONDS = (("d", 86_400), ("h", 3_600), ("m", 60))


def parse_mib(text: str) -> int:
    """Read a size such as 512MiB or 2GiB (M, G and T mean the same) in MiB.

    Raises:
        ValueError: it has no unit, or another one.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2].upper() not in _MIB:
        raise ValueError(f"{text!r} is not a size; write it like 512MiB or 2GiB")
    size = int(match[1]) * _MIB[match[2].upper()]
    if size == 0:
        raise ValueError("a size of 0 is none")
    return size


def parse_gib(text: str) -> int:
    """Read a size of whole GiB, such as 10GiB.

    Raises:
        ValueError: it has no unit, or is not a whole number of GiB.
    """
    mib = parse_mib(text)
    if mib % 1024:
        raise ValueError(f"{text!r} is not a whole number of GiB")
    return mib // 1024


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 date and time; without an offset it is UTC.

    Raises:
        ValueError: it is none.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an ISO 8601 time; write it like 2026-11-20T18:00Z"
        ) from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """Read a duration such as 90s, 30m, 12h or 2d.

    Raises:
        ValueError: it has no unit, or another one.
    """
    match = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 30m, 12h or 2d")
    return timedelta(seconds=int(match[1]) * dict(_SECONDS, s=1)[match[2]])


def mib_words(mib: int) -> str:
    """Write a size in the largest unit in which it is whole."""
    for unit, size in (("TiB", 1 << 20), ("GiB", 1 << 10)):
        if mib and mib % size == 0:
            return f"{mib // size} {unit}"
    return f"{mib} MiB"


def bytes_words(size: int) -> str:
    """Write a number of bytes with one decimal."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def duration_words(seconds: float) -> str:
    """Write a duration with its two largest units: 4.2 s, 1 m 05 s, 2 h 10 m, 3 d 4 h."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60:02} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3_600} h"


def instant(stamp: Timestamp) -> datetime:
    """Give a protobuf time as a datetime in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def age_words(stamp: Timestamp, now: datetime | None = None) -> str:
    """Write how long ago a time is, or how far ahead: 3 m ago, in 2 h; empty for no time."""
    if not stamp.seconds:
        return ""
    seconds = ((now or datetime.now(UTC)) - instant(stamp)).total_seconds()
    words = _rough_words(abs(seconds))
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def moment_words(stamp: Timestamp) -> str:
    """Write a time: 2027-03-01 18:00Z; empty for no time."""
    return f"{instant(stamp):%Y-%m-%d %H:%MZ}" if stamp.seconds else ""


def _rough_words(seconds: float) -> str:
    for unit, size in _SECONDS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
