"""The catalogue as iam told it last, for a command that begins while iam does not answer."""

import json
from contextlib import suppress
from typing import Protocol

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.store import Login, Store


class Kept(Protocol):
    """Where a catalogue is kept beyond the process."""

    def read(self) -> iam_pb2.ListServicesResponse | None:
        """Give what was told last; None: it is not known."""

    def write(self, told: iam_pb2.ListServicesResponse) -> None:
        """Keep what was told, in place of what was before."""


class KeptCatalogue:
    """Keeps what one login was told beside it: another one may see other sites, or none."""

    def __init__(self, store: Store, login: Login) -> None:
        self._store, self._of = store, {"address": login.address, "account": login.account}

    def read(self) -> iam_pb2.ListServicesResponse | None:
        """Give what was told last; None: no site, or to another login, or it can't be read."""
        with suppress(OSError, ValueError, TypeError, ParseError):
            kept = json.loads(self._store.catalogue.read_text())
            if {key: kept.pop(key, None) for key in self._of} == self._of:
                told = ParseDict(kept, iam_pb2.ListServicesResponse(), ignore_unknown_fields=True)
                return told if told.sites else None
        return None

    def write(self, told: iam_pb2.ListServicesResponse) -> None:
        """Keep what was told; where that can't be written, the next one has to ask."""
        with suppress(OSError):
            self._store.write_file(self._store.catalogue, self._of | MessageToDict(told))
