"""What is said of a region: what fails together with it, and who sees it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mulligan.values.errors import InvalidArgumentError

MOST_CODES = 16
"""Of one kind, of one region."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


class DomainKind(StrEnum):
    """The kinds of failure domain."""

    POWER = "power"
    NETWORK = "network"
    COOLING = "cooling"
    BUILDING = "building"


class Visibility(StrEnum):
    """Who sees a region without a role there."""

    PUBLIC = "public"
    PROJECTS = "projects"
    INTERNAL = "internal"


@dataclass(frozen=True)
class RegionSpec:
    """What its administrators say of a region.

    Args:
        failure_domains: the codes of those that it has, by kind; of other kinds it has those of the
            region above it.
        visibility: who sees it.
        visible_to: UUIDs of projects, for PROJECTS and only then.

    Raises:
        InvalidArgumentError: a code can't be one, there are too many, or it is visible to projects
            of which none is named.
    """

    failure_domains: Mapping[DomainKind, tuple[str, ...]] = field(default_factory=dict)
    visibility: Visibility = Visibility.PUBLIC
    visible_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        domains = {kind: tuple(sorted(set(c))) for kind, c in sorted(self.failure_domains.items())}
        object.__setattr__(self, "failure_domains", domains)
        object.__setattr__(self, "visible_to", tuple(sorted(set(self.visible_to))))
        for kind, codes in domains.items():
            _check_codes(kind, codes)
        if (self.visibility is Visibility.PROJECTS) != bool(self.visible_to):
            raise InvalidArgumentError(
                "visibility to projects, and only that, needs to know to which; give visible_to",
                field="spec.visible_to",
            )

    @property
    def shown_to(self) -> frozenset[str] | None:
        """The projects that see it; None: everybody does."""
        return None if self.visibility is Visibility.PUBLIC else frozenset(self.visible_to)


def _check_codes(kind: DomainKind, codes: tuple[str, ...]) -> None:
    if not 1 <= len(codes) <= MOST_CODES:
        raise InvalidArgumentError(
            f"a region has 1 to {MOST_CODES} {kind} domains where it has its own; leave {kind} out "
            "for those of the region above it",
            field="spec.failure_domains",
        )
    for code in codes:
        if not _CODE.fullmatch(code):
            raise InvalidArgumentError(
                f"{code!r} is no code of a {kind} domain; give letters, digits and _ . : - (64 at "
                "most), such as feed-a",
                field="spec.failure_domains",
            )
