"""Scenario files: what stands in them, read strictly. A key that nobody knows is refused.

Times are clock times of one day (`10:00`) or minutes of it; a window is `10:00 to 12:00` or
`from 10:00 on`.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mulligan.resource.occupation import INSTANT
from mulligan.values.window import WITHOUT_END
from tests.mulligan.resource.fleet import at

FOLDER = Path(__file__).parent / "scenarios"

_MANY = re.compile(r"(.*?)(\d+)\.\.(\d+)")


def moment(written: object) -> datetime:
    """Read a time of the day; YAML takes some clock times for minutes itself."""
    if isinstance(written, int):
        return at(written)
    found = re.fullmatch(r"(just after )?(\d+):([0-5]\d)", str(written))
    if not found:
        raise ValueError(f"{written!r} is no time; write one such as 10:00, or minutes")
    later, hours, minutes = found.groups()
    return at(60 * int(hours) + int(minutes)) + (INSTANT if later else timedelta())


def span(written: object) -> tuple[datetime, datetime]:
    """Read when a window begins and ends; whether there can be such a window is not asked."""
    found = re.fullmatch(r"(\S+) to (\S+)|from (\S+) on", str(written))
    if not found:
        raise ValueError(f"{written!r} is no window; write 10:00 to 12:00, or from 10:00 on")
    start, end, open_start = found.groups()
    if open_start:
        return moment(open_start), WITHOUT_END
    return moment(start), moment(end)


Moment = Annotated[datetime, BeforeValidator(moment)]
Span = Annotated[tuple[datetime, datetime], BeforeValidator(span)]


class Strict(BaseModel):
    """Keys are written with spaces, and refused when they are not known."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: name.replace("_", " "),
    )


class Stock(Strict):
    total: int
    reserved: int = 0
    least: int = 1
    most: int | None = None
    step: int = 1
    ratio: float = 1.0

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, written: Any) -> Any:
        return {"total": written} if isinstance(written, int) else written


def _each(written: dict[str, Any]) -> dict[str, Any]:
    """Write out names such as `host 1..3`."""
    spelled: dict[str, Any] = {}
    for name, one in written.items():
        many = _MANY.fullmatch(name)
        names = [name]
        if many:
            stem, first, last = many.groups()
            names = [f"{stem}{number}" for number in range(int(first), int(last) + 1)]
        spelled |= dict.fromkeys(names, one)
    return spelled


class Provider(Strict):
    type: str = "host"
    has: dict[str, Stock] = {}
    can: tuple[str, ...] = ()
    measures: dict[str, int] = {}
    owner: str = ""
    unavailable: str = ""
    unhealthy_until: Moment | None = None
    below: Annotated[dict[str, "Provider"], BeforeValidator(_each)] = {}


class Group(Strict):
    members: tuple[str, ...] = ()
    sharing: tuple[str, ...] = ()


class Topology(Strict):
    """Providers, whose order in the file is the order of their ids, and how they belong together.

    Distances are written as `type: {code: [a to b, within g]}`.
    """

    about: str
    providers: Annotated[dict[str, Provider], BeforeValidator(_each)]
    elsewhere: dict[str, Provider] = {}
    groups: dict[str, Group] = {}
    distance_types: dict[str, tuple[str, ...]] = {}
    distances: dict[str, dict[str, tuple[str, ...]]] = {}
    cleaning_minutes: dict[str, int] = {}

    def walk(self) -> Iterator[tuple[str, str, Provider]]:
        """Each provider of the region with its name and that of what it is under."""
        yield from _walk("", self.providers)


def _walk(above: str, providers: dict[str, Provider]) -> Iterator[tuple[str, str, Provider]]:
    for name, one in providers.items():
        yield name, above, one
        yield from _walk(name, one.below)


class Features(Strict):
    capabilities: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()


class Choices(Strict):
    capabilities: tuple[tuple[str, ...], ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    properties: tuple[tuple[str, ...], ...] = ()


class Wanted(Strict):
    """What one request group asks for."""

    wants: dict[str, int] = {}
    across_the_tree: bool = False
    require: Features = Features()
    forbid: Features = Features()
    any_of: Choices = Choices()
    distance: tuple[str, ...] = ()
    provider: str = ""
    type: str = ""
    isolated_from: tuple[str, ...] = ()
    alone: bool = False


class Request(Strict):
    """Named request groups, or without `groups` the one that is written here."""

    groups: dict[str, Wanted]
    placement: str = "spread"
    nearest_to: str = ""
    same_subtree: tuple[tuple[str, ...], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_group(cls, written: Any) -> Any:
        if "groups" in written:
            return written
        options = {name.replace("_", " ") for name in cls.model_fields}
        group = {key: value for key, value in written.items() if key not in options}
        return {key: value for key, value in written.items() if key in options} | {
            "groups": {"": group}
        }


class Claim(Strict):
    """A claim that is already there; who asks is `us`, everybody else another project."""

    takes: dict[str, dict[str, int]]
    when: Span
    who: str = "us"
    made_at: Moment = at(0)
    machine: str = ""
    held_until: Moment | None = None
    confirmed_at: Moment | None = None
    released_at: Moment | None = None
    alone: bool = False
    alone_at: tuple[str, ...] = ()


class Refusal(Strict):
    """Each step removed something; the last one is the last straw.

    Of a region without providers the one step is `in the region: 0 left`.
    """

    steps_to_the_last_straw: tuple[dict[str, str], ...]
    earliest: Moment | Literal["never"]


CandidateSpec = str | dict[str, str | dict[str, str]]


class Scenario(Strict):
    """Without `window` it is asked for from now on, without end."""

    title: str
    claims: tuple[Claim, ...] = ()
    asked_before_at: Moment | None = None
    now: Moment = at(0)
    asked_by: str = "us"
    window: Span | None = None
    limit: int = 1000
    seed: int = 0
    candidates_in_order: tuple[CandidateSpec, ...] | None = None
    candidates_in_any_order: tuple[CandidateSpec, ...] | None = None
    refused: Refusal | None = None
    faulty: str | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> "Scenario":
        outcomes = (
            self.candidates_in_order, self.candidates_in_any_order, self.refused, self.faulty,
        )  # fmt: skip
        if sum(one is not None for one in outcomes) != 1:
            raise ValueError(f"{self.title!r} needs exactly one outcome")
        return self


class Subject(Strict):
    """One request, asked for in several scenarios: from now on, and in windows."""

    subject: str
    topology: str = ""
    request: Request
    windows_only: str = ""
    scenarios: tuple[Scenario, ...]

    @model_validator(mode="after")
    def _both_forms(self) -> "Subject":
        forms = {one.window is not None for one in self.scenarios}
        if True not in forms or (False in forms) == bool(self.windows_only):
            raise ValueError(
                f"{self.subject!r} needs a scenario with and one without a window; if it can't be "
                "asked without, say why in `windows only`"
            )
        return self


class ScenarioFile(Strict):
    about: str
    topology: str
    subjects: Annotated[tuple[Subject, ...], Field(min_length=1)]


class _NoTwice(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise ValueError(f"{node.start_mark}: {twice[0]!r} stands twice")
        return super().construct_mapping(node, deep=deep)


def _written(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=_NoTwice)


@cache
def topology(name: str) -> Topology:
    return Topology.model_validate(_written(FOLDER / "topologies" / f"{name}.yaml"))


def all_files() -> dict[str, ScenarioFile]:
    """All scenario files by their names."""
    return {
        path.stem: ScenarioFile.model_validate(_written(path))
        for path in sorted(FOLDER.glob("*.yaml"))
    }
