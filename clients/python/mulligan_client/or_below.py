"""A claim for a region "or below" whose parts are at several sites: each in turn, and one of them.

The request id protects it at one site only. So it goes on to the next one only where a site has
refused it, and a retry of one whose answer was lost goes to the site that may have done it. One
that is away is asked last, unless a retry of another process may have to find it first.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from mulligan_client.catalogue import Site
from mulligan_client.errors import MulliganCallError
from mulligan_client.site_errors import AWAY, NO_CAPACITY, NOT_HERE, together
from mulligan_client.whereabouts import Whereabouts

Ask = Callable[[Site, Any], Any]


def claim_below(sites: Sequence[Site], request: Any, ask: Ask, whereabouts: Whereabouts) -> Any:
    """Claim at the first site that has capacity; if none has, wait at the first that may have.

    Raises:
        MulliganCallError: none has it, or one did not say whether it was done.
    """

    def asked(site: Site, one: Any) -> Any:
        try:
            return ask(site, one)
        except MulliganCallError as error:
            if error.grpc_status in AWAY:
                whereabouts.note_id(one.request_id, site.id)
            raise

    at_once = _at_once(request)
    for one in (request, at_once):
        if before := [site for site in sites if site.id == whereabouts.of(one.request_id)]:
            return asked(before[0], one)
    refusals: list[tuple[Site, MulliganCallError]] = []
    for site in sites:
        try:
            return asked(site, at_once)
        except MulliganCallError as error:
            if error.grpc_status not in NOT_HERE and error.code != NO_CAPACITY:
                raise
            refusals.append((site, error))
    full = [site for site, error in refusals if error.code == NO_CAPACITY]
    if full and at_once is not request:
        return asked(full[0], request)
    raise together(refusals)


def _at_once(request: Any) -> Any:
    """Give the same without a wait, under an id of its own; itself, if it doesn't wait."""
    if "wait_until" not in request.DESCRIPTOR.fields_by_name or not request.HasField("wait_until"):
        return request
    changed = type(request)()
    changed.CopyFrom(request)
    changed.ClearField("wait_until")
    changed.request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, request.request_id))
    return changed
