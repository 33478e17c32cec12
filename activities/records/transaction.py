"""The one place in which record activities open a session."""

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from sqlalchemy.orm import Session
from temporalio import activity

from activities.contracts.operations import Asked
from mulligan import events
from mulligan.database import Database
from mulligan.events import Origin

Contract = Callable[..., Any]
Record = Callable[..., Any]


def in_transactions(database: Database, records: Mapping[Contract, Record]) -> list[Contract]:
    """Make activities of functions (session, request) → result, one transaction a call."""
    return [_activity(database, contract, record) for contract, record in records.items()]


def _activity(database: Database, contract: Contract, record: Record) -> Contract:
    def run(request: Any) -> Any:
        def change(session: Session) -> Any:
            if asked := getattr(request, "asked", None):
                events.come_from(session, _origin(asked))
            return record(session, request)

        return database.write(change)

    hints = get_type_hints(contract)
    run.__annotations__ = {"request": hints["request"], "return": hints["return"]}
    run.__name__ = contract.__name__
    return activity.defn(name=activity._Definition.must_from_callable(contract).name)(run)


def _origin(asked: Asked) -> Origin:
    """The call by which an operation began; one that began by itself has none."""
    if not asked.method:
        return events.UNKNOWN
    call = (asked.method, asked.address, asked.request_id, asked.session)
    return Origin(*call, home=lambda _project, _region: asked.home)
