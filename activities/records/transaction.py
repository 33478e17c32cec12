"""The one place in which record activities open a session."""

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from temporalio import activity

from mulligan.database import Database

Contract = Callable[..., Any]
Record = Callable[..., Any]


def in_transactions(database: Database, records: Mapping[Contract, Record]) -> list[Contract]:
    """Make activities of functions (session, request) → result, one transaction a call."""
    return [_activity(database, contract, record) for contract, record in records.items()]


def _activity(database: Database, contract: Contract, record: Record) -> Contract:
    def run(request: Any) -> Any:
        return database.write(lambda session: record(session, request))

    hints = get_type_hints(contract)
    run.__annotations__ = {"request": hints["request"], "return": hints["return"]}
    run.__name__ = contract.__name__
    return activity.defn(name=activity._Definition.must_from_callable(contract).name)(run)
