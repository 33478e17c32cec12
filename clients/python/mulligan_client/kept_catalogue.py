"""The catalogue as iam told it last, for a command that begins while iam does not answer."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.store import Login, Store


class KeptCatalogue:
    """Keeps what one login was told beside it: another one may see other sites, or none."""

    def __init__(self, store: Store, login: Login, remark: Callable[[str], object]) -> None:
        self._store, self._remark = store, remark
        self._of = _whose(login)

    def read(self) -> iam_pb2.ListServicesResponse | None:
        """Give what was told last; None: no site, or to another login, or it can't be read."""
        with suppress(ParseError):
            told = iam_pb2.ListServicesResponse()
            ParseDict(self._mine(), told, ignore_unknown_fields=True)
            return told if told.sites else None
        return None

    def serves(self, error: MulliganCallError) -> None:
        """Say what is gone by, and why."""
        self._remark(f"iam does not answer, so sites are as it told last: {error.message}")

    def write(self, told: iam_pb2.ListServicesResponse) -> None:
        """Keep what was told, if it is news and the login is still stored.

        Where it can't be written, the next command has to ask.
        """
        mine = MessageToDict(_lasting(told))
        if mine == self._mine():
            return
        with suppress(OSError, ValueError), self._store.locked():
            login = self._store.read()
            if login.token and self._of == _whose(login):
                self._store.write_file(self._store.catalogue, self._of | mine)

    def _mine(self) -> dict[str, Any]:
        """Give what is kept of this login, maybe nothing."""
        with suppress(OSError, ValueError):
            kept = json.loads(self._store.catalogue.read_text())
            if isinstance(kept, dict) and self._of.items() <= kept.items():
                return {key: one for key, one in kept.items() if key not in self._of}
        return {}


def _whose(login: Login) -> dict[str, str]:
    return {"address": login.address, "account": login.account}


def _lasting(told: iam_pb2.ListServicesResponse) -> iam_pb2.ListServicesResponse:
    """Leave out what changes all the time: when each process was heard of, and events."""
    kept = iam_pb2.ListServicesResponse(sites=told.sites)
    for site in kept.sites:
        for service in site.services:
            service.ClearField("seen_at")
    return kept
