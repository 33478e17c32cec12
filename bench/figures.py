"""What a figure is, and how figures are shown and kept."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

AREAS = (
    "provision",
    "claims",
    "reservations",
    "api",
    "metal",
    "survival",
    "console",
    "client",
)


class NotMeasuredError(Exception):
    """A figure could not be measured; the text says why and what to do."""


@dataclass(frozen=True)
class Target:
    """What a figure should reach: a bound of its ratio, of itself, or both.

    The bound of the ratio decides where there is one; the other is then a goal that is printed.
    """

    bound: Literal["at least", "at most"]
    ratio: float | None = None
    value: float | None = None

    def met_by(self, value: float, ratio: float | None) -> bool | None:
        """Say whether a figure reaches it; None when it has no ratio to decide by."""
        measured, wanted = (value, self.value) if self.ratio is None else (ratio, self.ratio)
        if measured is None or wanted is None:
            return None
        return measured >= wanted if self.bound == "at least" else measured <= wanted

    def __str__(self) -> str:
        sign = "≥" if self.bound == "at least" else "≤"
        if self.ratio is None:
            return f"{sign} {self.value:g}"
        goal = "" if self.value is None else f" (goal {sign} {self.value:g})"
        return f"ratio {sign} {self.ratio:g}{goal}"


@dataclass(frozen=True)
class Figure:
    """One measured figure; `ratio` is to the peer or to the limit, measured in the same run.

    `value` is None when it could not be measured, `peer_value` when the peer could not; `remark`
    is shown and not kept.
    """

    area: str
    name: str
    unit: str
    value: float | None
    peer: str | None = None
    peer_value: float | None = None
    limit_value: float | None = None
    target: Target | None = None
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """The value as a share of the peer's, or of the limit."""
        beside = self.limit_value if self.peer_value is None else self.peer_value
        return self.value / beside if self.value is not None and beside else None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without a target, or when it can't be told."""
        if self.target is None or self.value is None:
            return None
        return self.target.met_by(self.value, self.ratio)

    @property
    def is_open(self) -> bool:
        """Whether it, or what stands beside it, was to be measured and was not."""
        return self.value is None or (self.target is not None and self.met is None)

    def kept(self) -> dict[str, object]:
        """Give the object of bench/results.json."""
        return {
            "area": self.area,
            "name": self.name,
            "unit": self.unit,
            "value": _rounded(self.value),
            "peer": self.peer,
            "peer_value": _rounded(self.peer_value),
            "limit_value": _rounded(self.limit_value),
            "ratio": _rounded(self.ratio),
            "target": None if self.target is None else str(self.target),
            "met": self.met,
        }


@dataclass(frozen=True)
class Size:
    """How much is measured; the defaults are those of the published figures."""

    machines: int = 200
    overheads: int = 20
    killed: int = 60
    clients: int = 8
    idle_s: float = 120
    image_mib: int = 1024
    image_provisions: int = 10
    claims_s: float = 10
    fleets: tuple[int, int, int] = (1_000, 10_000, 100_000)
    searches: int = 2_000
    hot_units: int = 512
    hot_providers: int = 5
    trees: int = 1_000
    booked_hosts: int = 1_000
    bookings: int = 100_000
    commits: int = 40
    tokens: int = 2_000
    objects: int = 1_000_000
    list_rounds: int = 200
    unary_calls: int = 1_000
    configured: int = 60

    @classmethod
    def quick(cls) -> "Size":
        """A size that shows only that everything works."""
        return cls(
            machines=16,
            overheads=2,
            killed=16,
            idle_s=15,
            image_mib=96,
            image_provisions=2,
            claims_s=2,
            fleets=(1_000, 1_500, 2_000),
            searches=60,
            hot_units=128,
            hot_providers=1,
            trees=20,
            booked_hosts=50,
            bookings=500,
            commits=3,
            tokens=200,
            objects=20_000,
            list_rounds=20,
            unary_calls=100,
            configured=8,
        )


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print figures as a table, with what they remark below."""
    table = Table("figure", "value", "peer or limit", "ratio", "target", "met")
    for one in figures:
        table.add_row(
            f"{one.area}/{one.name}",
            _shown(one.value, one.unit),
            _beside(one),
            "" if one.ratio is None else f"{one.ratio:.2f}",
            "" if one.target is None else str(one.target),
            {True: "yes", False: "NO", None: ""}[one.met],
        )
    console.print(table)
    for one in figures:
        if one.remark:
            console.print(f"{one.area}/{one.name}: {one.remark}", highlight=False)


def line_of(figure: Figure) -> str:
    """Say a figure in one line."""
    beside = _beside(figure)
    value = _shown(figure.value, figure.unit)
    return f"{figure.area}/{figure.name}: {value}" + (f" beside {beside}" if beside else "")


def keep(figures: Iterable[Figure], file: Path) -> None:
    """Write figures to a file, in the place of those of the same name; others stay.

    The order is that of the areas, then of the names, so that a run changes few lines.
    """
    known: list[Mapping[str, object]] = json.loads(file.read_text()) if file.exists() else []
    rows = {_key(row): row for row in [*known, *(figure.kept() for figure in figures)]}
    ordered = [rows[key] for key in sorted(rows)]
    file.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")


def _key(row: Mapping[str, object]) -> tuple[int, str, str]:
    return AREAS.index(str(row["area"])), str(row["name"]), str(row["peer"] or "")


def _beside(figure: Figure) -> str:
    parts = []
    if figure.peer is not None:
        parts.append(f"{_shown(figure.peer_value, figure.unit)}  {figure.peer}")
    if figure.limit_value is not None:
        parts.append(f"{_shown(figure.limit_value, figure.unit)}  limit")
    return "; ".join(parts)


def _shown(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{_rounded(value):g} {unit}"


def _rounded(value: float | None) -> float | None:
    """Round to four significant digits: more would pretend."""
    return None if value is None else float(f"{value:.4g}")
