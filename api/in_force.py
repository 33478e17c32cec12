"""How the services of this process are configured now, and what follows from it for each call."""

import logging
from collections.abc import Mapping

from api.access import Method
from api.addresses import address_of
from api.rates import Rate
from mulligan.configuration import ConfigurationRow
from mulligan.log_level import LogLevel
from mulligan.values.caller import Caller
from mulligan.values.configuration import UNSET, RateLimit
from mulligan.values.errors import RateLimitedError
from mulligan_client.gen.mulligan.common.v1 import common_pb2

_log = logging.getLogger(__name__)


class InForce:
    """What one service is told by its operators."""

    def __init__(self, service: str, log_level: LogLevel) -> None:
        self.service = service
        self.configuration = UNSET.filled(service)
        self._log_level = log_level
        self._generation = 0
        self._rates: Mapping[str, Rate] = {}

    def take(self, row: ConfigurationRow | None) -> None:
        """Take in what is set now; what was taken in already changes nothing."""
        if row is None or row.generation <= self._generation:
            return
        self._generation = row.generation
        wanted = self.configuration = row.configuration.filled(self.service)
        self._log_level.tell(self.service, wanted.log_level)
        # A bucket whose limit stays the same stays as full as it is.
        self._rates = {
            name: self._rate(name, limit)
            for name in ("account_reads", "account_writes", "reads", "writes")
            if (limit := getattr(wanted, name)) is not None
        }
        _log.info(
            "%s is configured anew: generation %d, by account %s",
            self.service,
            row.generation,
            row.changed_by,
        )

    def _rate(self, name: str, limit: RateLimit) -> Rate:
        earlier = self._rates.get(name)
        return earlier if earlier is not None and earlier.limit == limit else Rate(limit)

    def admit(self, caller: Caller, method: Method) -> None:
        """Count a call against the limits; who can take them back is never stopped by them.

        Raises:
            RateLimitedError: there were too many of late.
        """
        if not self._rates or method.verb.endswith("Configure"):
            return
        kind = "writes" if method.has_request_id else "reads"
        own, of_all = self._rates.get(f"account_{kind}"), self._rates.get(kind)
        is_anonymous = method.access.role == common_pb2.ROLE_ANONYMOUS
        who = address_of(caller.address) if is_anonymous else caller.account
        if own is not None:
            own.take(who)
        try:
            if of_all is not None:
                of_all.take()
        except RateLimitedError:
            if own is not None:
                own.give_back(who)
            raise
