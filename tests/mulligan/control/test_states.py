"""The state tables: complete, without dead ends, used as they are written, drawn as they are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.docs import STATES, states_page
from mulligan.values.states import TABLES, State

REPOSITORY = Path(__file__).parents[3]
ENDED = {"gone", "failed", "done", "cancelled", "ended", "missed", "reclaimed"}
ALL = [
    pytest.param(name, state, id=f"{kind}-{name}")
    for kind, table in TABLES.items()
    for name, state in table.items()
]


@pytest.mark.parametrize(("name", "state"), ALL)
def test_a_state_that_passes_says_what_happens_next(name: str, state: State) -> None:
    assert state.meaning
    if state.lasts or state.as_asked:
        assert state.next_action


@pytest.mark.parametrize(("name", "state"), ALL)
def test_every_state_but_an_ended_one_leads_somewhere_else(name: str, state: State) -> None:
    leads_away = set(state.leads_to) - {name}
    assert bool(leads_away) == (name not in ENDED)
    assert leads_away or not (state.lasts or state.as_asked)


@pytest.mark.parametrize("kind", TABLES)
def test_every_state_is_known_and_can_be_reached(kind: str) -> None:
    table = TABLES[kind]
    reached = {next(iter(table))}
    for _ in table:
        reached |= {after for name in reached for after in table[name].leads_to}
    assert reached == set(table)


def test_the_drawing_is_of_these_tables() -> None:
    assert STATES.read_text() == states_page(), "run `python -m deploy.docs`"


def _transitions(path: Path) -> Iterator[tuple[str, str]]:
    """Find calls such as move(session, "server", row, "available", ...) with their words."""
    for call in ast.walk(ast.parse(path.read_text())):
        if not isinstance(call, ast.Call):
            continue
        name = (
            call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        )
        words = [
            argument.value
            for argument in call.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if name in ("enter", "rest", "move") and len(words) >= 2 and words[0] in TABLES:
            yield words[0], words[1]
        elif name == "_move" and path.name == "machines.py" and words:
            yield "machine", words[0]
        elif name in ("_say", "Status", "_end") and path.name == "reservations.py" and words:
            yield "reservation", words[0]
        elif name == "finish" and len(words) == 1:
            yield "operation", words[0]


def test_every_state_that_the_code_names_is_in_its_table() -> None:
    files = [
        *(REPOSITORY / "mulligan").rglob("*.py"),
        *(REPOSITORY / "activities" / "records").glob("*.py"),
    ]
    found = {named for path in files for named in _transitions(path)}
    assert {kind for kind, _ in found} == set(TABLES) - {"host"} | {
        kind for kind, _ in found if kind == "host"
    }
    unknown = {(kind, state) for kind, state in found if state not in TABLES[kind]}
    assert not unknown
