"""`make bench`: measure, show a table, and keep the figures in bench/results.json.

Exit code 0; 1 when a figure misses its target; 3 when something was to be measured and was not.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console

from bench.chaos import chaos
from bench.claims import rates, sqlite, trees
from bench.configured import configured
from bench.figures import Figure, NotMeasuredError, Size, keep, line_of, show
from bench.idle import memory, statements
from bench.image import image
from bench.killed import killed
from bench.lists import pages
from bench.names import resolving
from bench.overhead import overhead
from bench.reservations import reservations
from bench.throughput import throughput
from bench.token_check import token_check
from bench.unary import unary
from bench.watchers import watchers
from deploy.temporal import cache_folder, find_temporal

RESULTS = Path(__file__).with_name("results.json")
NOT_MET_EXIT, OPEN_EXIT = 1, 3

Measure = Callable[[Size], Iterator[Figure]]

MEASURES: Mapping[str, Measure] = {
    "provision/overhead": overhead,
    "provision/throughput": throughput,
    "provision/deploy": image,
    "claims/rates": rates,
    "claims/trees": trees,
    "claims/sqlite": sqlite,
    "reservations/reserve": reservations,
    "api/idle_memory": memory,
    "api/idle_statements": statements,
    "api/watchers": watchers,
    "api/resolve": resolving,
    "api/list": pages,
    "api/unary": unary,
    "api/token_check": token_check,
    "api/configure": configured,
    "survival/killed": killed,
    "survival/chaos": chaos,
}
"""What can be measured, by the area and name of its figures; `ONLY` takes either."""

KNOWN = ", ".join(sorted({name.partition("/")[0] for name in MEASURES} | set(MEASURES)))


def chosen(only: str) -> dict[str, Measure]:
    """Choose what `ONLY` names: areas or figures, separated by commas; all when it is empty.

    Raises:
        ValueError: nothing is called so.
    """
    wanted = [word.strip() for word in only.split(",") if word.strip()]
    for word in wanted:
        if not any(word in (name, name.partition("/")[0]) for name in MEASURES):
            raise ValueError(f"there is no figure {word!r}; known are {KNOWN}")
    return {
        name: measure
        for name, measure in MEASURES.items()
        if not wanted or name in wanted or name.partition("/")[0] in wanted
    }


def measure_all(measures: Mapping[str, Measure], size: Size, console: Console) -> list[Figure]:
    """Measure one after another; what can't be measured is a figure without a value.

    Also what nobody foresaw, because the other figures must not be lost to it.
    """
    figures: list[Figure] = []
    for name, measure in measures.items():
        started = time.monotonic()
        console.print(f"measuring {name}")
        try:
            for figure in measure(size):
                console.print(f"  {line_of(figure)}", highlight=False)
                figures.append(figure)
        except Exception as error:
            if not isinstance(error, NotMeasuredError):
                console.print_exception()
            area, _, rest = name.partition("/")
            figures.append(Figure(area, rest, "", None, remark=str(error)))
        console.print(f"  took {time.monotonic() - started:.0f} s", highlight=False)
    return figures


def exit_code(figures: list[Figure]) -> int:
    """Say how it went: a missed target weighs more than something that was not measured."""
    if any(figure.met is False for figure in figures):
        return NOT_MET_EXIT
    return OPEN_EXIT if any(figure.is_open for figure in figures) else 0


def main() -> int:
    """Measure what is asked for; gives the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"of {KNOWN}")
    parser.add_argument("--quick", action="store_true", help="small counts; keeps no figures")
    parser.add_argument("--results", type=Path, help=f"where to keep them, instead of {RESULTS}")
    options = parser.parse_args()
    console = Console(width=max(Console().width, 120))
    try:
        measures = chosen(options.only)
    except ValueError as error:
        parser.error(str(error))
    find_temporal(cache_folder(os.environ))
    size = Size.quick() if options.quick else Size()
    figures = measure_all(measures, size, console)
    show(figures, console)
    if not options.quick or options.results:
        keep([figure for figure in figures if figure.value is not None], options.results or RESULTS)
    return exit_code(figures)


if __name__ == "__main__":
    sys.exit(main())
