"""Who calls, as a checked token says it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from mulligan.values.errors import UnauthenticatedError
from mulligan.values.places import NO_PLACES, NO_REGIONS, PlaceTree, RegionTree

ROLES = ("reader", "member", "operator", "admin")
"""Each role includes the ones before it."""

SYSTEM = ""
"""The place of an assignment that holds on the whole system."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An account and its roles: place (UUID of a project or region, or SYSTEM) to role.

    `session` is that of its sign-in. A program's (`application`) may be limited to some `methods`
    (Service/Method) and to one `region` with those below it. A role holds on its place and, as the
    trees have them, on all places below it.
    """

    account: str
    roles: dict[str, str]
    address: str = ""
    expires_at: datetime | None = None
    session: str = ""
    application: bool = False
    methods: frozenset[str] = frozenset()
    region: str = ""
    project_tree: PlaceTree = field(default=NO_PLACES, compare=False)
    region_tree: RegionTree = field(default=NO_REGIONS, compare=False)

    def refuse_if_expired(self, **details: str) -> None:
        """Refuse to go on once the token has ended.

        Args:
            details: what else to tell programs, such as where to go on with a new token.

        Raises:
            UnauthenticatedError: TOKEN_EXPIRED.
        """
        if self.expires_at is not None and datetime.now(UTC) >= self.expires_at:
            raise UnauthenticatedError(
                "the token is expired; sign in again with `mulligan login`",
                code="TOKEN_EXPIRED",
                **details,
            )

    def home(self, project: str | None, region: str | None) -> str:
        """Find where the caller is at home with something of a project and region.

        The nearest place, itself or above it, on which the caller has a role; empty if there is
        none, or only the system.
        """
        chains = ((self.project_tree, project), (self.region_tree, region))
        above = (one for tree, place in chains if place for one in tree.chain(place))
        return next((place for place in above if place in self.roles), SYSTEM)

    def has(self, role: str, project: str = SYSTEM) -> bool:
        """Say whether the caller has at least this role on a project or on the system."""
        return self._has(role, project, self.project_tree, self.region_tree)

    def has_in(self, role: str, region: str) -> bool:
        """Say whether the caller has at least this role on a region or on the system."""
        return self._has(role, region, self.region_tree, self.project_tree)

    def sees(self, region: str) -> bool:
        """Say whether the caller may know of a region.

        It may where it has a role, and where that region and those above it are shown to everybody
        or to a project in or above which it has one.
        """
        return self.has_in("reader", region) or (
            region in self.region_tree
            and all(self._is_shown(one) for one in self.region_tree.chain(region))
        )

    @property
    def hidden_regions(self) -> list[str]:
        """The regions that the caller doesn't see: most often none."""
        restricted = [one for one in self.region_tree.restricted if not self.sees(one)]
        return [one for one in self.region_tree.below(restricted) if not self.sees(one)]

    @property
    def seen_regions(self) -> list[str] | None:
        """The regions that the caller sees; None when none is hidden."""
        hidden = set(self.hidden_regions)
        return [one for one in self.region_tree if one not in hidden] if hidden else None

    @property
    def projects(self) -> list[str] | None:
        """The projects that the caller may read; None when it may read all of them."""
        return self._below("reader", self.project_tree, self.region_tree)

    @property
    def regions(self) -> list[str] | None:
        """The regions whose hardware the caller may read; None when it may read all of it."""
        return self._below("reader", self.region_tree, self.project_tree)

    def places_with(self, role: str) -> list[str] | None:
        """The projects and regions on which the caller has at least this role; None: everywhere."""
        projects = self._below(role, self.project_tree, self.region_tree)
        regions = self._below(role, self.region_tree, self.project_tree)
        return None if projects is None or regions is None else [*projects, *regions]

    @property
    def version(self) -> tuple[int, int]:
        """Changes when `projects` or `regions` may have."""
        return self.project_tree.version, self.region_tree.version

    def _is_shown(self, region: str) -> bool:
        shown_to = self.region_tree.shown_to(region)
        return (
            shown_to is None
            or any(not shown_to.isdisjoint(self.project_tree.chain(place)) for place in self.roles)
            or any(self.has("reader", project) for project in shown_to)
        )

    def _has(self, role: str, place: str, tree: PlaceTree, others: PlaceTree) -> bool:
        chain = () if place in others else tree.chain(place)
        held = (self.roles.get(one) for one in (SYSTEM, *chain))
        return any(has and _includes(has, role) for has in held)

    def _below(self, role: str, tree: PlaceTree, others: PlaceTree) -> list[str] | None:
        held = [place for place, has in self.roles.items() if _includes(has, role)]
        if SYSTEM in held:
            return None
        return tree.below(place for place in held if place not in others)


def _includes(held: str, role: str) -> bool:
    return ROLES.index(held) >= ROLES.index(role)
