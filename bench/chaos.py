"""What the last `make chaos` found; it takes too long to be part of a measurement."""

import json
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, NotMeasuredError, Size, Target

RESULTS = Path(__file__).parent.parent / ".state" / "chaos" / "results.json"

FIGURES = (
    Figure("survival", "chaos_ended_right", "of all", None, target=Target("at least", value=1)),
    Figure("survival", "chaos_effects_twice", "effects", None, target=Target("at most", value=0)),
    Figure("survival", "chaos_leaks", "leaks", None, target=Target("at most", value=0)),
    Figure("survival", "chaos_moving_again_p95", "s", None, target=Target("at most", value=30)),
)
"""Each is a number in the file, under its name without `chaos_`."""


def chaos(_: Size) -> Iterator[Figure]:
    """Read what `make chaos` wrote: share that ended right, effects twice, leaks, and recovery.

    Recovery: from the last kill until the last stuck operation moved again, 95th percentile.
    """
    if not RESULTS.exists():
        raise NotMeasuredError(f"there is no {RESULTS.name} of `make chaos`; run that first")
    found = json.loads(RESULTS.read_text())
    for figure in FIGURES:
        value = found[figure.name.removeprefix("chaos_")]
        yield Figure(figure.area, figure.name, figure.unit, float(value), target=figure.target)
