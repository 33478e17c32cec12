"""Rows to messages: what every resource's answer has in common."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from api.page_tokens import foreign_token
from mulligan.marks import Mark
from mulligan.meta.names import Name, is_uuid
from mulligan.values import told
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.status import Status
from mulligan.values.window import WITHOUT_END
from mulligan_client.gen.mulligan.common.v1 import common_pb2

M = TypeVar("M", bound=Message)

_NO_SLUGS: Mapping[str, Sequence[str]] = MappingProxyType({})

DEFAULT_PAGE = 100
MAX_ANSWER_BYTES = 4_000_000
"""What every gRPC client takes by default, 4 MiB, with room for its frame; 1,000 names fit."""


class Row(Protocol):
    """What every object's row has."""

    @property
    def id(self) -> str:
        """UUID."""

    @property
    def created_at(self) -> datetime:
        """When it was made."""

    @property
    def generation(self) -> int:
        """Rises with each change."""


def timestamp(value: datetime | None) -> Timestamp | None:
    """Give a time; none for "without end"."""
    if value is None or value >= WITHOUT_END:
        return None
    result = Timestamp()
    result.FromDatetime(value)
    return result


def time_of(value: Timestamp) -> datetime:
    """Read a time."""
    return value.ToDatetime(UTC)


def metadata(
    row: Row,
    names: Mapping[str, Name],
    *,
    project: str | None = None,
    region: str | None = None,
    old_slugs: Mapping[str, Sequence[str]] = _NO_SLUGS,
) -> common_pb2.Metadata:
    """Give what every object has; old slugs, by id, of what sites copy."""
    name = names.get(row.id)
    return common_pb2.Metadata(
        id=row.id,
        name=name.name if name else "",
        slug=name.slug if name else "",
        project=project or "",
        region=region or "",
        created_at=timestamp(row.created_at),
        generation=row.generation,
        old_slugs=old_slugs.get(row.id, ()),
    )


def status(value: Status, *, operators: bool = False) -> common_pb2.Status:
    """Give where an object stands; to those who read its hardware, what that said."""
    return common_pb2.Status(
        state=value.state,
        reason=told.read(value.reason, operators=operators),
        since=timestamp(value.since),
        deadline=timestamp(value.deadline),
        next_action=value.next_action,
    )


def marks(rows: Sequence[Mark]) -> list[common_pb2.Mark]:
    """Give an object's marks."""
    return [
        common_pb2.Mark(
            kind=row.kind,
            reason=row.reason,
            author=row.author,
            since=timestamp(row.since),
            expires_at=timestamp(row.expires_at),
        )
        for row in rows
    ]


def page_size(page: common_pb2.Page) -> int:
    """Read how many are wanted."""
    return page.size or DEFAULT_PAGE


def token_of(*cursor: str) -> str:
    """Make a page token of where the page ended; empty where that is nowhere."""
    if not cursor:
        return ""
    return urlsafe_b64encode(json.dumps(cursor, ensure_ascii=False).encode()).decode()


def cursor_of(page: common_pb2.Page) -> list[str]:
    """Read where the page before ended; empty for the first page."""
    if not page.token:
        return []
    try:
        cursor = json.loads(urlsafe_b64decode(page.token.encode()))
    except (ValueError, RecursionError):
        cursor = None
    if (
        not cursor
        or not isinstance(cursor, list)
        or not all(isinstance(part, str) and part.isprintable() for part in cursor)
    ):
        raise foreign_token()
    return cursor


def cursor_time(part: str) -> datetime:
    """Read a time of a page token."""
    try:
        at = datetime.fromisoformat(part)
        if at.tzinfo is None:
            raise foreign_token()
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise foreign_token() from None


def after_id(page: common_pb2.Page) -> str:
    """Read the id after which the page starts."""
    cursor = cursor_of(page)
    if cursor and (len(cursor) != 1 or not is_uuid(cursor[0])):
        raise foreign_token()
    return cursor[0] if cursor else ""


def fitting(rows: Iterable[M]) -> list[M]:
    """Give the first rows of a page, as many as one answer can have, and one at least."""
    shown: list[M] = []
    left = MAX_ANSWER_BYTES
    for row in rows:
        left -= row.ByteSize() + 8  # its field's number and length
        if left < 0 and shown:
            break
        shown.append(row)
    return shown


def at_once(rows: Iterable[M]) -> list[M]:
    """Give the objects that were asked for by their ids, counting while they are made.

    Raises:
        InvalidArgumentError: one answer can't have them all.
    """
    shown: list[M] = []
    left = MAX_ANSWER_BYTES
    for row in rows:
        left -= row.ByteSize() + 8  # its field's number and length
        if left < 0:
            raise InvalidArgumentError(
                f"the first {len(shown)} objects fill an answer; ask for fewer", field="ids"
            )
        shown.append(row)
    return shown


def of_a_size(answer: M, field: str, what: str) -> M:
    """Refuse in words what the caller's side of gRPC would refuse without any.

    Raises:
        InvalidArgumentError: it has more than MAX_ANSWER_BYTES; `field` asks for less.
    """
    if answer.ByteSize() > MAX_ANSWER_BYTES:
        raise InvalidArgumentError(
            f"{what} too long for one answer ({answer.ByteSize()} bytes); ask for fewer",
            field=field,
        )
    return answer
