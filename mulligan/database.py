"""One engine a process, two kinds of transaction, and the rule by which a conflict is tried again.

Domain functions receive a session and never commit. Only `Database.read` and `Database.write` open
sessions: the RPC interceptor and the record activities call them, nobody else does.
"""

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from random import uniform
from threading import BoundedSemaphore
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    Index,
    MetaData,
    Text,
    TextClause,
    Uuid,
    bindparam,
    create_engine,
    event,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from mulligan import sqlite_turns
from mulligan.sqlite_turns import BUSY_S, TURN_S
from mulligan.statements import Used, end_in_time
from mulligan.values.errors import ConflictError, OverdueError, UnavailableError
from mulligan.waiting import Waiting

T = TypeVar("T")
_log = logging.getLogger(__name__)

WRITE_ATTEMPTS = 8
"""How often a transaction that met a conflict is tried, each time from its start."""

WRITERS = 3
"""So many threads of a process write to PostgreSQL at a time; more of them get in each other's way.

With 16 clients that claim of one provider, and its turns, 132 claims/s on 2 cores where there were
111 without a limit: means of six and five runs, one after the other in turns.
"""

CONNECT_S = 10
"""How long a PostgreSQL server may take to answer a new connection; its URL may say otherwise."""

DEAD_S = 20
"""A PostgreSQL server from which not even TCP answers is gone after so long."""

STAYS: Mapping[str, int] = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": DEAD_S // 2,
    "keepalives_interval": DEAD_S // 4,
    "keepalives_count": 3,
    "tcp_user_timeout": DEAD_S * 1000,
}
"""How a connection to PostgreSQL is kept, unless its URL says otherwise (libpq's parameters)."""

REST_S = 1.0
"""A connection that rested for longer is looked at before it is used again."""

_CHANGES = "mulligan_changes"
_ENDS = "ends"
_WAITING = "mulligan_waiting"

_PG_CONFLICTS = {"40001", "40P01", "55P03", "25P03"}
"""Serialization failure, deadlock, lock not available, stood still and was ended for others."""

_UNREACHABLE = (InterfaceError, OperationalError)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, in UTC on either database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without zone; SQLite keeps UTC without saying so."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone reached the database: {value}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
Id = Uuid(as_uuid=False)


class _DashedText(Text):
    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Put the dashes in, without which SQLite keeps ids."""
        return _with_dashes if dialect.name == "sqlite" else None


def _with_dashes(value: str | None) -> str | None:
    if value is None:
        return None
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


class _IdAsText(FunctionElement[str]):
    type = _DashedText()
    inherit_cache = True
    name = "id_as_text"


@compiles(_IdAsText)
def _cast_id(element: _IdAsText, compiler: Any, **kwargs: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kwargs)} AS TEXT)"


@compiles(_IdAsText, "sqlite")
def _kept_id(element: _IdAsText, compiler: Any, **kwargs: Any) -> str:
    return str(compiler.process(element.clauses, **kwargs))


def id_as_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Read an id as text: where thousands are, without a UUID object for each."""
    return _IdAsText(column)


class _Listed(TypeDecorator[Sequence[str]]):
    """Texts or ids in one parameter: an array for PostgreSQL, JSON for SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, *, ids: bool) -> None:
        super().__init__()
        self.ids = ids

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Take the database's own."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(Text()))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Write ids for SQLite as it keeps them."""
        if dialect.name != "sqlite":
            return list(value)
        return json.dumps([one.replace("-", "") if self.ids else one for one in value])


class _OneOf(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "one_of"

    def self_group(self, against: object = None) -> Any:
        """Stand as it is: as `... = 1`, which SQLAlchemy makes of it, SQLite uses no index."""
        return self


@compiles(_OneOf)
def _as_array(element: _OneOf, compiler: Any, **kwargs: Any) -> str:
    column, values = element.clauses
    type_ = "UUID[]" if isinstance(column.type, Uuid) else "TEXT[]"
    which, listed = (compiler.process(one, **kwargs) for one in (column, values))
    return f"({which} = ANY (CAST ({listed} AS {type_})))"


@compiles(_OneOf, "sqlite")
def _as_json(element: _OneOf, compiler: Any, **kwargs: Any) -> str:
    column, values = (compiler.process(one, **kwargs) for one in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - no values in it


def one_of(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """`column.in_` of texts or ids that are one named parameter, however many they are.

    So the statement is the same for any number of them, and PostgreSQL prepares it once.
    """
    ids = isinstance(column.type, Uuid)
    return _OneOf(column, bindparam(parameter, type_=_Listed(ids=ids)))


def in_unicode_order(session: Session, column: Any) -> Any:
    """Say a column of texts as both databases order them alike, whatever PostgreSQL's language."""
    return column if session.get_bind().dialect.name == "sqlite" else column.collate("C")


class Base(DeclarativeBase):
    """What all tables have in common: named constraints, UUIDs as text, UTC times, JSON."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcDateTime(), dict[str, Any]: Json, list[Any]: Json}


def in_region() -> tuple[Index, ...]:
    """Make the indexes of a table whose objects are listed of one region and of all, by id or time.

    By id, the primary key has all.
    """
    orders = (("region", "id"), ("region", "created_at", "id"), ("created_at", "id"))
    return tuple(Index(None, *columns) for columns in orders)


def of_living(table: str, lives: TextClause) -> tuple[Index, ...]:
    """Make the indexes of a table for lists of a project's living, by id or time.

    PostgreSQL's have the project the other way round than those of all, so that what is ordered by
    these can't be read by those instead.
    """
    orders = {f"ix_{table}_living": ("id",), f"ix_{table}_living_by_time": ("created_at", "id")}
    return tuple(
        Index(
            name,
            *("project", *columns),
            postgresql_ops={"project": "DESC"},
            sqlite_where=lives,
            postgresql_where=lives,
        )
        for name, columns in orders.items()
    )


class Database:
    """A SQLite file or a PostgreSQL database.

    Args:
        url: SQLAlchemy URL, such as sqlite:////var/lib/mulligan/site.sqlite or
            postgresql+psycopg://user@host/name.
        pool_size: connections kept open at most.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._create_engine(pool_size)
        self._writing = self.engine.execution_options(mulligan_write=True)
        self._may_write = BoundedSemaphore(1 if self.is_sqlite else WRITERS)
        self.before_commit: list[Callable[[Session], None]] = []
        self.after_commit: list[Callable[[Session], None]] = []
        self.kept: dict[str, Any] = {}
        """What readers keep of this database, by name; `session.info["kept"]` to them."""

    def _create_engine(self, pool_size: int) -> Engine:
        if not self.is_sqlite:
            stays = {name: value for name, value in STAYS.items() if name not in self.url.query}
            engine = create_engine(
                self.url,
                pool_size=pool_size,
                hide_parameters=True,
                connect_args=stays,
            )
            event.listen(engine, "checkin", _note_rest)
            event.listen(engine, "checkout", partial(_look_after_rest, engine.dialect))
            return engine
        engine = create_engine(
            self.url, pool_size=pool_size, connect_args={"timeout": BUSY_S}, hide_parameters=True
        )
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _session(self, engine: Engine, waiting: Waiting | None) -> Session:
        info = {"kept": self.kept, "read": self.read, "waiting": waiting}
        return Session(engine, expire_on_commit=False, info=info)

    def read(self, query: Callable[[Session], T], waiting: Waiting | None = None) -> T:
        """Run a query in a transaction of its own that changes nothing.

        Args:
            query: what to run.
            waiting: who waits for it, if anybody may stop doing so.

        Raises:
            OverdueError: nobody waits for it any more.
            UnavailableError: the database can't be reached.
        """
        try:
            with self._session(self.engine, waiting) as session, self._stoppable(session, waiting):
                return query(session)
        except _UNREACHABLE as error:
            _refuse_if_over(waiting, error)
            raise _unavailable(error) from error

    def write(
        self,
        change: Callable[[Session], T],
        waiting: Waiting | None = None,
        *,
        in_time: bool = False,
    ) -> T:
        """Run a change in one transaction and commit it; on a conflict, again from the start.

        Args:
            change: what to run.
            waiting: who waits for it, if anybody may stop doing so; then what isn't at its commit
                yet is rolled back.
            in_time: PostgreSQL itself ends it then, also if this process stands still meanwhile.

        Raises:
            ConflictError: it met a conflict each time.
            OverdueError: nobody waits for it any more.
            UnavailableError: the database can't be reached.
        """
        met = ""
        for attempt in range(WRITE_ATTEMPTS):
            try:
                return self._write_once(change, waiting, in_time=in_time)
            except ConflictError as error:
                met = f": {error.message}"
            except DBAPIError as error:
                _refuse_if_over(waiting, error)
                if not is_conflict(error):
                    if isinstance(error, _UNREACHABLE):
                        raise _unavailable(error) from error
                    raise
            time.sleep(uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries
        raise ConflictError(
            f"the change met a conflict {WRITE_ATTEMPTS} times in a row, try it again{met}"
        )

    def _write_once(
        self, change: Callable[[Session], T], waiting: Waiting | None, *, in_time: bool = False
    ) -> T:
        with (
            self._turn(waiting),
            ExitStack() as ends,
            self._session(self._writing, waiting) as session,
        ):
            session.info[_ENDS] = ends
            with self._stoppable(session, waiting):
                ends_at = waiting if in_time and not self.is_sqlite else None
                end_in_time(session, ends_at)
                result = change(session)
                for hook in self.before_commit:
                    hook(session)
                session.flush()
                end_in_time(session, ends_at)
                if self.is_sqlite and _has_changes(session):
                    ends.callback(self._touch)
            session.commit()
            for hook in self.after_commit:
                hook(session)
            return result

    @contextmanager
    def _turn(self, waiting: Waiting | None) -> Iterator[None]:
        """Wait until this process may write."""
        while not self._may_write.acquire(
            timeout=TURN_S if waiting is None else min(TURN_S, waiting.left_s)
        ):
            if waiting is not None:
                waiting.refuse_if_over()
        try:
            yield
        finally:
            self._may_write.release()

    @contextmanager
    def _stoppable(self, session: Session, waiting: Waiting | None) -> Iterator[None]:
        """Have the session's statements stopped once nobody waits for them any more."""
        if waiting is None:
            yield
            return
        waiting.refuse_if_over()
        options = {_WAITING: waiting} if self.is_sqlite else None
        used = Used(is_sqlite=self.is_sqlite)
        try:
            with waiting.stopping(used.stop):
                with used.as_it_is_taken():
                    connection = session.connection(execution_options=options)
                used.take(connection.connection.dbapi_connection)
                yield
        finally:
            used.close()
            if used.lost:
                # It may arrive yet, and would end what the next one does.
                session.invalidate()

    def _touch(self) -> None:
        """Tell those who wait for commits to a SQLite file that there was one."""
        try:
            os.utime(str(self.url.database))
        except OSError as error:
            _log.warning("readers are not told of a commit, and see it later: %s", error)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def until_end(session: Session) -> ExitStack:
    """What is closed when a writing transaction has ended, committed or not."""
    ends: ExitStack = session.info[_ENDS]
    return ends


def _note_rest(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


def _look_after_rest(
    dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Have a connection that rested say something; if it can't, none is used any more."""
    Used.tell(connection)
    if time.monotonic() - record.info.get("rests_since", math.inf) > REST_S:
        try:
            dialect.do_ping(connection)
        except Exception as error:
            raise InvalidatePoolError(f"the connection is gone: {error}") from error


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _has_changes(session: Session) -> bool:
    """Say whether a connection to SQLite changed rows since this was asked last."""
    connection = session.connection()
    driver: Any = connection.connection.dbapi_connection
    before, now = connection.info.get(_CHANGES, 0), driver.total_changes
    connection.info[_CHANGES] = now
    return bool(now != before)


def _begin_sqlite(connection: Any) -> None:
    options = connection.get_execution_options()
    writes = bool(options.get("mulligan_write"))
    sqlite_turns.begin(connection, options.get(_WAITING), writes=writes)


def _refuse_if_over(waiting: Waiting | None, error: DBAPIError) -> None:
    try:
        if waiting is not None:
            waiting.refuse_if_over()
    except OverdueError as overdue:
        raise overdue from error


def _unavailable(error: DBAPIError) -> UnavailableError:
    _log.warning("the database can't be reached: %s", next(iter(str(error.orig).splitlines()), ""))
    return UnavailableError("the database can't be reached now; try again with the same request id")


def is_conflict(error: DBAPIError) -> bool:
    """Tell whether others were at work, so that the same may succeed a moment later."""
    if "database is locked" in str(error.orig):
        return True
    return getattr(error.orig, "sqlstate", None) in _PG_CONFLICTS
