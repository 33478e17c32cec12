"""What providers can do (capabilities) and how large they are (properties)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.resource.differences import Difference, Key, difference, write_difference
from mulligan.resource.tables import CapabilityRow, PropertyRow
from mulligan.resource.values import check_name
from mulligan.values.amount import GREATEST_AMOUNT
from mulligan.values.errors import InvalidArgumentError, NotFoundError


@dataclass(frozen=True)
class CapabilitiesChange:
    """What is to become of a provider's capabilities; adding what is there is fine.

    Raises:
        InvalidArgumentError: a name can't be used or is added and removed, or both ways are used.
    """

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    replace: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in self.given:
            check_name(name, field="capabilities")
        _refuse_both("capabilities", self.replace, self.add, self.remove)
        refuse_twice("capabilities", self.add, self.remove)

    @property
    def given(self) -> list[str]:
        """The names that it gives."""
        return [*self.add, *(self.replace or ())]


@dataclass(frozen=True)
class PropertiesChange:
    """What is to become of a provider's properties; `put` adds and modifies.

    Raises:
        InvalidArgumentError: a name or value can't be used, a name is put and removed, or both ways
            are used.
    """

    put: Mapping[str, int] = field(default_factory=dict)
    remove: Sequence[str] = ()
    replace: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        for name, value in (*self.put.items(), *(self.replace or {}).items()):
            check_name(name, field="properties")
            if not 0 <= value <= GREATEST_AMOUNT:
                raise InvalidArgumentError(
                    f"property {name} can't be {value}; give 0 to {GREATEST_AMOUNT}",
                    field="properties",
                )
        _refuse_both("properties", self.replace, self.put, self.remove)
        refuse_twice("properties", self.put, self.remove)


def refuse_twice(what: str, added: Collection[str], removed: Collection[str]) -> None:
    """Refuse a change that adds and removes the same.

    Raises:
        InvalidArgumentError: it does.
    """
    both = set(added) & set(removed)
    if both:
        raise InvalidArgumentError(
            f"{min(both)} is both added to and removed from the {what}; decide on one", field=what
        )


def _refuse_missing(what: str, provider: str, has: Collection[str], removed: Sequence[str]) -> None:
    missing = set(removed) - set(has)
    if missing:
        raise NotFoundError(
            f"provider {provider} has no {min(missing)} among its {what}; leave it out",
            field=what,
            object_type="provider",
            object_id=provider,
        )


def _refuse_both(what: str, replace: object, *parts: Any) -> None:
    if replace is not None and any(parts):
        raise InvalidArgumentError(
            f"{what} are replaced or changed one by one; decide on one way", field=what
        )


def change_capabilities(
    session: Session, changes: Mapping[str, CapabilitiesChange]
) -> dict[str, str]:
    """Change what many providers can do; their rows are locked. Gives in words what changed.

    Raises:
        NotFoundError: one can't do what is to be removed.
    """
    query = select(CapabilityRow.provider, CapabilityRow.capability)
    found = session.execute(query.where(CapabilityRow.provider.in_(list(changes))))
    before: dict[str, set[str]] = defaultdict(set)
    for provider, name in found:
        before[provider].add(name)
    after: dict[Key, Mapping[str, Any]] = {}
    for provider, change in changes.items():
        _refuse_missing("capabilities", provider, before[provider], change.remove)
        has = before[provider] if change.replace is None else set(change.replace)
        after |= {(provider, name): {} for name in (has | set(change.add)) - set(change.remove)}
    flat: dict[Key, Mapping[str, Any]] = {(p, n): {} for p, names in before.items() for n in names}
    changed = difference(flat, after)
    write_difference(session, CapabilityRow, ("provider", "capability"), changed)
    return _words("capabilities", changed)


def change_properties(session: Session, changes: Mapping[str, PropertiesChange]) -> dict[str, str]:
    """Change many providers' properties; their rows are locked. Gives in words what changed.

    Raises:
        NotFoundError: one hasn't what is to be removed.
    """
    query = select(PropertyRow.provider, PropertyRow.name, PropertyRow.value)
    before: dict[str, dict[str, int]] = defaultdict(dict)
    for provider, name, value in session.execute(
        query.where(PropertyRow.provider.in_(list(changes)))
    ):
        before[provider][name] = value
    after: dict[Key, Mapping[str, Any]] = {}
    for provider, change in changes.items():
        _refuse_missing("properties", provider, before[provider], change.remove)
        has = before[provider] if change.replace is None else change.replace
        left = {n: v for n, v in {**has, **change.put}.items() if n not in change.remove}
        after |= {(provider, name): {"value": value} for name, value in left.items()}
    flat: dict[Key, Mapping[str, Any]] = {
        (p, name): {"value": value} for p, has in before.items() for name, value in has.items()
    }
    changed = difference(flat, after)
    write_difference(session, PropertyRow, ("provider", "name"), changed)
    return _words("properties", changed)


def _words(what: str, changed: Difference[Mapping[str, Any]]) -> dict[str, str]:
    said: dict[str, list[str]] = defaultdict(list)
    for verb, part in (
        ("added", changed.added),
        ("changed", changed.changed),
        ("removed", changed.removed),
    ):
        for (provider, name), row in sorted(part.items(), key=lambda item: item[0]):
            value = f" {row['value']}" if row and verb != "removed" else ""
            said[provider].append(f"{name}{value} {verb}")
    return {provider: f"{what}: {', '.join(words)}" for provider, words in said.items()}
