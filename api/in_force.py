"""How the services of this process are configured now, and what follows from it for each call."""

import logging
from collections.abc import Mapping

from api.access import Method
from api.addresses import address_of
from api.rates import Rate
from mulligan.configuration import ConfigurationRow
from mulligan.iam import tokens
from mulligan.log_level import LogLevel
from mulligan.values.caller import Caller
from mulligan.values.configuration import UNSET, RateLimit
from mulligan.values.errors import RateLimitedError
from mulligan_client.gen.mulligan.common.v1 import common_pb2

_log = logging.getLogger(__name__)


_NEVER_LIMITED = ("Login", "RefreshToken", "ListTokenKeys", "RenewService")
"""What an administrator or a service needs to get in and stay; wrong passwords have own limits."""


class InForce:
    """What one service is told by its operators."""

    def __init__(self, service: str, log_level: LogLevel) -> None:
        self.service = service
        self.configuration = UNSET.filled(service)
        self._log_level = log_level
        self._log_level.tell(service, None)
        self._generation = 0
        self._rates: Mapping[str, Rate] = {}

    def take(self, row: ConfigurationRow | None) -> None:
        """Take in what is set now; what was taken in already changes nothing.

        A database that was restored is at an earlier generation, or at none.
        """
        generation = row.generation if row is not None else 0
        if generation == self._generation:
            return
        told = row.configuration if row is not None else UNSET
        wanted = self.configuration = told.filled(self.service)
        self._log_level.tell(self.service, wanted.log_level)
        # A bucket whose limit stays the same stays as full as it is.
        self._rates = {
            kept: self._rate(kept, limit)
            for name in ("account_reads", "account_writes", "reads", "writes")
            for kept in ((name, _by_address(name)) if name.startswith("account") else (name,))
            if (limit := getattr(wanted, name)) is not None
        }
        self._generation = generation
        _log.info(
            "%s is configured anew: generation %d, by %s",
            self.service,
            generation,
            f"account {row.changed_by}" if row is not None else "nobody",
        )

    def _rate(self, name: str, limit: RateLimit) -> Rate:
        earlier = self._rates.get(name)
        return earlier if earlier is not None and earlier.limit == limit else Rate(limit)

    def admit(self, caller: Caller, method: Method) -> None:
        """Count a call against the limits; who can take them back is never stopped by them.

        Raises:
            RateLimitedError: there were too many of late.
        """
        if not self._rates or _is_exempt(caller, method):
            return
        kind = "writes" if method.has_request_id else "reads"
        name, who = f"account_{kind}", caller.account
        if method.access.role == common_pb2.ROLE_ANONYMOUS:
            # Apart: who makes addresses up must not push accounts out of theirs.
            name, who = _by_address(name), address_of(caller.address)
        own, of_all = self._rates.get(name), self._rates.get(kind)
        if own is not None:
            own.take(who)
        try:
            if of_all is not None:
                of_all.take()
        except RateLimitedError:
            if own is not None:
                own.give_back(who)
            raise


def _by_address(name: str) -> str:
    return f"{name} by address"


def _is_exempt(caller: Caller, method: Method) -> bool:
    """Tell what gets an operator in and the limits off, and what the services ask each other."""
    return (
        method.verb in _NEVER_LIMITED
        or method.verb.endswith(("Configure", "Configuration"))
        or (caller.account == tokens.SERVICES and method.access.role != common_pb2.ROLE_ANONYMOUS)
    )
