"""What the client knows of each RPC before it calls it; gen/methods.py has it of all of them."""

from dataclasses import dataclass
from enum import Enum

Path = tuple[str, ...]
"""The names of fields from a request down to one of its fields."""


class Retry(Enum):
    """Whether a call that nobody answered is made again (proto: Retry)."""

    READ = 1
    REQUEST_ID = 2
    NEVER = 3
    STREAM = 4


class Merge(Enum):
    """How a list of several sites is merged, where its request says no order (proto: Merge)."""

    UNSPECIFIED = 0
    NEWEST_FIRST = 1
    LATEST_FIRST = 2
    OBJECTS = 3


class Naming(Enum):
    """Among which objects a name is one object's only (proto: Naming)."""

    NONE = 1
    INSTALLATION = 2
    PROJECT = 3
    REGION = 4


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A type of object that has an id; its name is looked for among those of some types."""

    naming: Naming
    found_as: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lead:
    """A field that leads to the site that answers: by its region's UUID, or by an object's."""

    is_region: bool
    path: Path


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that takes the name, slug or UUID of an object of one of some types."""

    path: Path
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Newer:
    """A field, or a value of an enum in it, that services know since some version."""

    path: Path
    since: str
    # The number of the enum's value; None: the field itself.
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC, as a client goes about it."""

    # As gRPC calls it: /package.Service/Method.
    path: str
    retry: Retry
    # It is called without a token.
    anonymous: bool = False
    # The first that is filled in leads to the site; where none is, every site is asked.
    leads: tuple[Lead, ...] = ()
    references: tuple[Reference, ...] = ()
    # The version of the service that was the first to have it; empty: 0.1.0.
    since: str = ""
    newer: tuple[Newer, ...] = ()
    merge: Merge = Merge.UNSPECIFIED

    @property
    def name(self) -> str:
        """Without its service's."""
        return self.path.rpartition("/")[2]

    @property
    def service(self) -> str:
        """The noun of its service: iam, meta, resource or control."""
        return self.path.split(".")[1]
