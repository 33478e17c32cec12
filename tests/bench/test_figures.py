"""Figures as `make bench` shows and keeps them; what they measure is not measured here."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench.__main__ import MEASURES, chosen, exit_code, measure_all
from bench.chaos import chaos
from bench.figures import AREAS, Figure, NotMeasuredError, Size, Target, keep, show

BESIDE_PEER = Figure(
    "provision",
    "throughput",
    "machines/s",
    8.0,
    peer="bare Temporal",
    peer_value=10.0,
    target=Target("at least", ratio=0.7, value=10),
)
BELOW_LIMIT = Figure("api", "idle_memory", "MB", 401.0, target=Target("at most", value=400))
WITHOUT_PEER = Figure(
    "survival",
    "killed",
    "share",
    1.0,
    peer="Ironic",
    target=Target("at least", ratio=2),
    remark="Ironic could not be installed",
)


def test_the_ratio_decides_and_the_absolute_bound_is_a_goal() -> None:
    assert BESIDE_PEER.ratio == 0.8
    assert BESIDE_PEER.met is True
    assert str(BESIDE_PEER.target) == "ratio ≥ 0.7 (goal ≥ 10)"


def test_a_limit_stands_where_there_is_no_peer() -> None:
    deployed = Figure("provision", "deploy", "s", 30.0, limit_value=20.0)
    assert (deployed.ratio, deployed.met, deployed.is_open) == (1.5, None, False)


def test_exit_codes_tell_what_was_missed_and_what_was_not_measured() -> None:
    assert exit_code([BESIDE_PEER]) == 0
    assert exit_code([BESIDE_PEER, WITHOUT_PEER]) == 3
    assert exit_code([BELOW_LIMIT, WITHOUT_PEER]) == 1


def test_figures_are_kept_beside_those_of_other_runs(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    keep([BELOW_LIMIT, BESIDE_PEER], file)
    keep([Figure("api", "idle_memory", "MB", 300.12345, target=BELOW_LIMIT.target)], file)
    first, second = json.loads(file.read_text())
    assert first == {
        "area": "provision",
        "name": "throughput",
        "unit": "machines/s",
        "value": 8.0,
        "peer": "bare Temporal",
        "peer_value": 10.0,
        "limit_value": None,
        "ratio": 0.8,
        "target": "ratio ≥ 0.7 (goal ≥ 10)",
        "met": True,
    }
    assert (second["name"], second["value"], second["met"]) == ("idle_memory", 300.1, True)


def test_the_table_tells_targets_missed_and_remarks() -> None:
    out = io.StringIO()
    show([BESIDE_PEER, BELOW_LIMIT, WITHOUT_PEER], Console(file=out, width=160))
    lines = out.getvalue().splitlines()
    assert any("provision/throughput" in line and "yes" in line for line in lines)
    assert any("api/idle_memory" in line and "NO" in line for line in lines)
    assert any("survival/killed" in line and "not measured" in line for line in lines)
    assert lines[-1] == "survival/killed: Ironic could not be installed"


def test_only_chooses_areas_and_figures() -> None:
    assert list(chosen("")) == list(MEASURES)
    assert list(chosen("survival/killed, api")) == [
        name for name in MEASURES if name == "survival/killed" or name.startswith("api/")
    ]
    with pytest.raises(ValueError, match="there is no figure 'provisoin'"):
        chosen("provisoin")


def test_every_figure_is_of_an_area() -> None:
    assert {name.partition("/")[0] for name in MEASURES} <= set(AREAS)


def test_what_cannot_be_measured_is_a_row_that_says_so() -> None:
    def broken(_: Size) -> Iterator[Figure]:
        raise NotMeasuredError("no hypervisor here")

    (figure,) = measure_all({"metal/deploy": broken}, Size(), Console(file=io.StringIO()))
    assert (figure.area, figure.name, figure.value) == ("metal", "deploy", None)
    assert figure.remark == "no hypervisor here"


def test_chaos_results_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "results.json"
    monkeypatch.setattr("bench.chaos.RESULTS", file)
    with pytest.raises(NotMeasuredError, match="make chaos"):
        list(chaos(Size()))
    file.write_text(
        '{"ended_right": 1, "effects_twice": 0, "leaks": 2, "moving_again_p95": 12.5, "seed": 7}'
    )
    assert {one.name: (one.value, one.met) for one in chaos(Size())} == {
        "chaos_ended_right": (1, True),
        "chaos_effects_twice": (0, True),
        "chaos_leaks": (2, False),
        "chaos_moving_again_p95": (12.5, True),
    }
