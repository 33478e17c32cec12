"""Rows of everything that is listed, in shapes of which PostgreSQL's planner thinks differently."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, Boolean, Column, DateTime, Integer, String, TypeDecorator, Uuid, text
from sqlalchemy.orm import Session

from mulligan.tables import METADATA

COUNT = 2_000
OWN, OTHER = str(uuid4()), str(uuid4())
ENDED = {"machines": "gone", "claims": "released", "reservations": "ended"}
OWNERS = {"project", "region"}
OF_TYPE: Mapping[type, str] = {
    String: "'o' || n",
    DateTime: "timestamptz '2026-01-01 00:00+00' + n * 7919 % 2000 * interval '1 minute'",
    Boolean: "true",
    Integer: "n",
    JSON: "'{}'",
    Uuid: "gen_random_uuid()",
}


@dataclass(frozen=True)
class Shape:
    """Whose the n-th of each kind is, and whether it lives: in words of SQL.

    Attributes:
        own: it is `OWN`'s.
        lives: it has not ended when the rows are counted.
        counted: whether they are counted (ANALYZE).
        ends: it ends when they have been counted.
    """

    own: str
    lives: str = "true"
    counted: bool = True
    ends: str = "false"


SHAPES = {
    "all of one owner": Shape("true"),
    "few of many": Shape("n % 50 = 0"),
    "few that live among many that ended": Shape("n % 10 = 0", "n % 10 <> 0 OR n % 500 = 0"),
    "ended since they were counted": Shape("n % 10 = 0", ends="n % 10 = 0 AND n % 500 <> 0"),
    "never counted": Shape("n % 10 = 0", "n % 10 <> 0 OR n % 500 = 0", counted=False),
}


def fill(session: Session, tables: Collection[str], shape: Shape) -> None:
    """Write rows of these tables, and their names, in the place of all that are there."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(f"TRUNCATE names, {', '.join(tables)} CASCADE"))
    for table in tables:
        session.execute(text(_rows(table, shape)))
        session.execute(text(_names(table, shape)))
    if shape.counted:
        session.execute(text("ANALYZE"))
    for table, state in ENDED.items():
        # What ends has one owner, so that its times say who it is.
        ending = f"FROM {_numbers()} WHERE {table}.id = {_id(table)} AND ({shape.ends})"
        session.execute(text(f"UPDATE {table} SET state = '{state}' {ending}"))
        ending = f"FROM {_numbers()} WHERE names.id = {_id(table)} AND ({shape.ends})"
        session.execute(text(f"UPDATE names SET released_at = now() {ending}"))


def _rows(table: str, shape: Shape) -> str:
    columns = dict(_columns(table, shape))
    into, taken = ", ".join(columns), ", ".join(columns.values())
    return f"INSERT INTO {table} ({into}) SELECT {taken} FROM {_numbers()}"


def _columns(table: str, shape: Shape) -> Iterator[tuple[str, str]]:
    for column in METADATA.tables[table].columns:
        if column.name == "id":
            yield "id", _id(table)
        elif column.name in OWNERS:
            yield column.name, f"CAST({_owner(shape)} AS uuid)"
        elif column.name == "state":
            ended = ENDED.get(table, "active")
            yield "state", f"CASE WHEN {shape.lives} THEN 'active' ELSE '{ended}' END"
        elif not column.nullable:
            yield column.name, next(sql for type_, sql in OF_TYPE.items() if _is(column, type_))


def _names(table: str, shape: Shape) -> str:
    owner = _owner(shape) if OWNERS & {*METADATA.tables[table].columns.keys()} else "''"
    ended = f"CASE WHEN {shape.lives} THEN NULL ELSE now() END" if table in ENDED else "NULL"
    noun = table.removeprefix("provider_").removesuffix("s")
    return (
        "INSERT INTO names (id, object_type, owner, name, slug, released_at) "
        f"SELECT {_id(table)}, '{noun}', {owner}, 'o' || n, 'o' || n, {ended} FROM {_numbers()}"
    )


def _numbers() -> str:
    return f"generate_series(1, {COUNT}) AS n"


def _id(table: str) -> str:
    """Write ids in an order of their own, which is not that of the rows."""
    return f"CAST(md5('{table}' || n) AS uuid)"


def _owner(shape: Shape) -> str:
    return f"CASE WHEN {shape.own} THEN '{OWN}' ELSE '{OTHER}' END"


def _is(column: Column[Any], type_: type) -> bool:
    kept = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    return isinstance(kept, type_)
