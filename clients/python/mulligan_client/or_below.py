"""What is for a region "or below" whose parts are at several sites.

A claim is made at one of them: each is asked in turn. The request id protects it at one site only.
So it goes on to the next one only where a site has refused it, or can't be called at all, and one
that is made again goes first to the site that may have done it, also if the region has left that.
One that is away is asked last, unless a retry of another process may have to find it first.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mulligan_client.catalogue import Site
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.leads import is_or_below
from mulligan_client.site_errors import (
    NO_CAPACITY,
    NOT_HERE,
    REGION_ELSEWHERE,
    may_be_done,
    together,
)
from mulligan_client.whereabouts import Whereabouts

USUAL_OPENINGS = 10
"""How many are given where FindOpenings doesn't say."""

Ask = Callable[[Site, Any], Any]


def claim_below(
    sites: Sequence[Site],
    request: Any,
    ask: Ask,
    sent: Whereabouts,
    known: Sequence[Site],
    *,
    has_own_id: bool,
) -> Any:
    """Claim at the first site that has capacity; if none has, wait at the first that may have.

    Args:
        sites: that have some of the regions, the likeliest first.
        request: has a request id.
        ask: makes the call at a site.
        sent: remembers the sites that request ids were sent to, and that have not refused them.
        known: all that there are.
        has_own_id: another process may have sent it already, to a site that is heard of no more.

    Raises:
        MulliganCallError: none has it, or one did not say whether it was done.
    """
    refusals: dict[str, tuple[Site, MulliganCallError]] = {}

    def asked(site: Site, one: Any) -> Any:
        """Give the answer, or None where the site refused it."""
        is_sent = sent.of(one.request_id) == site.id
        sent.note_id(one.request_id, site.id)
        try:
            return ask(site, one)
        except MulliganCallError as error:
            # One that can't be called has done nothing, unless it was called for this before.
            may_be_done = is_sent or (has_own_id and not site.untrusted)
            goes_on = error.grpc_status in NOT_HERE or error.code == NO_CAPACITY
            goes_on = goes_on or (error.unsent and not may_be_done)
            if goes_on or error.code == REGION_ELSEWHERE:
                sent.forget(one.request_id)
            if not goes_on:
                raise
            refusals[site.id] = site, error
            return None

    at_once = _at_once(request)
    last = _sent_to(at_once, sent, known)
    others = (one for one in sites if one.id not in {site.id for site in last})
    tries = [(site, at_once) for site in (*last, *others)]
    if at_once is not request:
        # It may wait there already.
        tries[:0] = [(site, request) for site in _sent_to(request, sent, known)]
    for one in tries:
        if (found := asked(*one)) is not None:
            return found
    full = [site for site, error in refusals.values() if error.code == NO_CAPACITY]
    if full and at_once is not request and (found := asked(full[0], request)) is not None:
        return found
    raise together(list(refusals.values()))


def is_sent(request: Any, sent: Whereabouts) -> bool:
    """Tell what is "or below" and a site may have done already."""
    if not is_or_below(request) or not getattr(request, "request_id", ""):
        return False
    return any(sent.of(one.request_id) for one in (request, _at_once(request)))


def _sent_to(request: Any, sent: Whereabouts, known: Sequence[Site]) -> Sequence[Site]:
    """Give the site that may have done it; none: nobody was asked, or it was refused.

    Raises:
        MulliganCallError: there is no such site any more.
    """
    site_id = sent.of(request.request_id)
    found = [one for one in known if one.id == site_id]
    if site_id and not found:
        raise may_be_done(site_id, request.request_id)
    return found


def _at_once(request: Any) -> Any:
    """Give the same without a wait, under an id of its own; itself, if it doesn't wait."""
    if "wait_until" not in request.DESCRIPTOR.fields_by_name or not request.HasField("wait_until"):
        return request
    changed = type(request)()
    changed.CopyFrom(request)
    changed.ClearField("wait_until")
    changed.request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, request.request_id))
    return changed


def earliest(
    found: Iterable[resource_pb2.FindOpeningsResponse], limit: int
) -> resource_pb2.FindOpeningsResponse:
    """Make one answer of several sites' openings, the earliest first."""

    def start(opening: resource_pb2.Opening) -> tuple[int, int]:
        at = opening.window.acquire_at
        return at.seconds, at.nanos

    openings = sorted((opening for one in found for opening in one.openings), key=start)
    return resource_pb2.FindOpeningsResponse(openings=openings[: limit or USUAL_OPENINGS])
