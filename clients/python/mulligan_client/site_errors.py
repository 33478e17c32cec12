"""What a call fails with because of where it has to go."""

from collections.abc import Iterable, Sequence

from mulligan_client.catalogue import Site
from mulligan_client.errors import AWAY, MulliganCallError
from mulligan_client.methods import Method

NO_CAPACITY = "NO_CAPACITY"
NO_SERVICE = "NO_SERVICE"
"""Of a site that the catalogue knows, but no living process of the service there."""

REGION_ELSEWHERE = "REGION_ELSEWHERE"
"""A site's answer to what is for a region that another one serves; nothing was done."""

NOT_HERE = ("NOT_FOUND", "PERMISSION_DENIED")
"""Of a site that has nothing of what is asked for, as far as the caller sees."""

_CHOOSE = (
    "choose one: `mulligan --at-site SITE …`, with --at-site before the command, or Client(site=…)"
)


def which_site(method: Method, sites: Sequence[Site]) -> MulliganCallError:
    """Say that nothing in a request tells the site that it is for."""
    ids = ", ".join(one.id for one in sites)
    return MulliganCallError(
        code="WHICH_SITE",
        grpc_status="INVALID_ARGUMENT",
        message=f"{method.name} is for one site, and there are {len(sites)}: {ids}; {_CHOOSE}",
        field="site",
    )


def which_watch(sites: Sequence[Site]) -> MulliganCallError:
    """Say why several sites are not watched from a revision."""
    ids = ", ".join(one.id for one in sites)
    return MulliganCallError(
        code="WHICH_SITE",
        grpc_status="INVALID_ARGUMENT",
        message=f"each of the {len(sites)} sites counts revisions of its own ({ids}), so one watch "
        "of them all begins with what comes next; leave the revision out and call Client.watch, "
        f"name an object or operation, or {_CHOOSE}",
        field="after_revision",
    )


def unknown_object(object_id: str, sites: Sequence[Site]) -> MulliganCallError:
    """Say that it is not known which site has what is to be watched."""
    return MulliganCallError(
        code="WHICH_SITE",
        grpc_status="INVALID_ARGUMENT",
        message=f"it is not known at which of the {len(sites)} sites {object_id} is, or it is at "
        "all of them; get it first, as with GetOperation, or watch without it",
        object_id=object_id,
        field="object_id",
    )


def several_sites(method: Method, ids: Iterable[str]) -> MulliganCallError:
    """Say that a change is of objects at more than one site."""
    return MulliganCallError(
        code="SEVERAL_SITES",
        grpc_status="INVALID_ARGUMENT",
        message=f"{method.name} names objects of several sites ({', '.join(sorted(ids))}), and a "
        "change is of one; change those of each site in a call of their own",
    )


def no_site(regions: Sequence[str]) -> MulliganCallError:
    """Say that nobody serves a region."""
    return MulliganCallError(
        code="NO_SITE",
        grpc_status="FAILED_PRECONDITION",
        message=f"no site serves region {', '.join(regions)}; start one with `mulligan serve "
        "--serves-region`, see `mulligan service list`",
        object_type="region",
        object_id=regions[0],
        field="region",
    )


def no_service(site: Site, service: str) -> MulliganCallError:
    """Say that a site can't be called, and why."""
    dropped = ""
    if site.untrusted:
        dropped = (
            f" (a token is not sent to {', '.join(site.untrusted)}: it has no TLS or leads to this "
            "machine, other than iam's address)"
        )
    return MulliganCallError(
        code=NO_SERVICE,
        grpc_status="UNAVAILABLE",
        message=f"{site} has no service {service} that this client can reach{dropped}; see "
        "`mulligan service list`",
        object_type="site",
        object_id=site.id,
        retryable=True,
        unsent=True,
    )


def none_alive(site: Site, service: str, error: MulliganCallError) -> MulliganCallError:
    """Say of a site that did not answer that iam does not hear of its processes either."""
    error.code, error.object_type, error.object_id = NO_SERVICE, "site", site.id
    error.message = f"no process of service {service} of {site} is alive: {error.message}"
    return error


def no_revision(site: Site, error: MulliganCallError) -> MulliganCallError:
    """Say that a site can't be watched yet without missing something."""
    return MulliganCallError(
        code="NO_REVISION",
        grpc_status="UNAVAILABLE",
        message=f"{site} does not tell its revision, so it is watched only from when it does, and "
        f"what changes there before is missed: {error.message}",
        object_type="site",
        object_id=site.id,
        retryable=True,
    )


def may_be_done(site_id: str, request_id: str) -> MulliganCallError:
    """Say that a request may not go elsewhere: a site that is no more may have done it."""
    return MulliganCallError(
        code="SITE_GONE",
        grpc_status="FAILED_PRECONDITION",
        message=f"request {request_id} may have been done at site {site_id}, which iam does not "
        "know any more, so it is made nowhere else; look at the claims, or use another request id",
        object_type="site",
        object_id=site_id,
        field="request_id",
    )


def foreign_token() -> MulliganCallError:
    """Say that a page token names no site, or none that there is."""
    return MulliganCallError(
        code="INVALID_PAGE_TOKEN",
        grpc_status="INVALID_ARGUMENT",
        message="the page token is of other sites than there are now; start from the first page",
        field="page.token",
    )


def together(refusals: Sequence[tuple[Site, MulliganCallError]]) -> MulliganCallError:
    """Make one error of what several sites said: one that is away might have had it."""
    away = sorted(
        (one for one in refusals if one[1].grpc_status in AWAY), key=lambda one: one[1].unsent
    )
    full = [one for one in refusals if one[1].code == NO_CAPACITY]
    site, error = (away or full or refusals)[0]
    words = [f"{other}: {one.message}" for other, one in full if one is not error]
    if len(full) > 1 and not away:
        error.message = "; ".join([f"{site}: {error.message}", *words])
    elif away and len(refusals) > 1:
        said = error.message if error.unsent else f"{site} is away: {error.message}"
        others = [one.message for _, one in away[1:] if one.unsent]
        error.message = "; ".join([said, *others, *words])
    return error
