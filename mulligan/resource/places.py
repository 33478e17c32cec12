"""The places of a request: what one provider is to give, and which providers can by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mulligan.resource.fleet import Fleet, Mask
from mulligan.resource.requests import RequestGroup
from mulligan.resource.whereabouts import Whereabouts
from mulligan.values.amount import Amount


@dataclass(frozen=True)
class Constraint:
    """One condition in words, and which providers meet it."""

    words: str
    holds: Mask


@dataclass
class Place:
    """What one provider is to give, and who can by itself, time aside."""

    group: RequestGroup
    amounts: tuple[Amount, ...]
    constraints: list[Constraint]
    fits: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.fits = np.logical_and.reduce([one.holds for one in self.constraints])

    def keep_to(self, constraint: Constraint) -> None:
        """Add a constraint after the others."""
        self.constraints.append(constraint)
        self.fits = self.fits & constraint.holds


def in_regions(whereabouts: Whereabouts, fleet: Fleet, visible: Mask) -> Iterator[Constraint]:
    """Where all providers of a request must be, of those that its project may be given."""
    words = "in the region or below" if len(whereabouts.regions) > 1 else "in the region"
    yield Constraint(words, visible & fleet.in_one_of(whereabouts.regions))
    for words, met in whereabouts.limits():
        yield Constraint(words, fleet.in_one_of(met))


def words_of(amount: Amount) -> str:
    """An amount in words."""
    return f"{amount.amount} {amount.resource_type}"
