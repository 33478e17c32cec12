"""What is said of a region, and limits on failure domains, from messages to values and back."""

from collections.abc import Iterable

from mulligan.resource.demands import DomainLimit
from mulligan.values.caller import Caller
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.regions import DomainKind, RegionSpec, Visibility
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb

KINDS = {
    common_pb2.DOMAIN_KIND_POWER: DomainKind.POWER,
    common_pb2.DOMAIN_KIND_NETWORK: DomainKind.NETWORK,
    common_pb2.DOMAIN_KIND_COOLING: DomainKind.COOLING,
    common_pb2.DOMAIN_KIND_BUILDING: DomainKind.BUILDING,
}
_VISIBILITIES = {
    pb.VISIBILITY_UNSPECIFIED: Visibility.PUBLIC,
    pb.VISIBILITY_PUBLIC: Visibility.PUBLIC,
    pb.VISIBILITY_PROJECTS: Visibility.PROJECTS,
    pb.VISIBILITY_INTERNAL: Visibility.INTERNAL,
}
_SHOWN_KINDS = {kind: shown for shown, kind in KINDS.items()}
_SHOWN_VISIBILITIES = {one: shown for shown, one in _VISIBILITIES.items()}


def spec_of(given: pb.RegionSpec) -> RegionSpec:
    """Read what is said of a region.

    Raises:
        InvalidArgumentError: a kind is there twice, or a field can't be used.
    """
    domains = {KINDS[one.kind]: tuple(one.codes) for one in given.failure_domains}
    if len(domains) < len(given.failure_domains):
        raise InvalidArgumentError(
            "a kind of failure domain is there twice; give all codes of it at once",
            field="spec.failure_domains",
        )
    return RegionSpec(domains, _VISIBILITIES[given.visibility], tuple(given.visible_to))


def shown_spec(spec: RegionSpec, region: str, caller: Caller) -> pb.RegionSpec:
    """Show what is said of a region to somebody who sees it."""
    everything = caller.has_in("reader", region)
    return pb.RegionSpec(
        failure_domains=[
            pb.FailureDomains(kind=_SHOWN_KINDS[kind], codes=codes)
            for kind, codes in spec.failure_domains.items()
        ],
        visibility=_SHOWN_VISIBILITIES[spec.visibility],
        visible_to=[one for one in spec.visible_to if everything or caller.has("reader", one)],
    )


def domains_of(given: Iterable[common_pb2.DomainLimit]) -> tuple[DomainLimit, ...]:
    """Read limits on failure domains."""
    return tuple(DomainLimit(KINDS[one.kind], one.origin, same=one.same) for one in given)


def shown_domains(limits: Iterable[DomainLimit]) -> list[common_pb2.DomainLimit]:
    """Show limits on failure domains."""
    return [
        common_pb2.DomainLimit(kind=_SHOWN_KINDS[one.kind], origin=one.origin, same=one.same)
        for one in limits
    ]
