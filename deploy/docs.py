"""Draw the state tables into docs/states.md: `python -m deploy.docs`."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from mulligan.values.states import TABLES, StateTable

STATES = Path(__file__).parents[1] / "docs" / "states.md"

HEAD = """\
# States

What a machine, a server, a host and an operation can be, and what follows. Drawn from
`mulligan/values/states.py` by `python -m deploy.docs`; a test compares.

A state that *lasts at most* some time passes by itself: its object shows the deadline and the next
action. The others last until somebody asks for something.
"""


def states_page() -> str:
    """Write the page: a diagram and a table for each kind of object."""
    return "\n".join([HEAD, *(_section(name, table) for name, table in TABLES.items())])


def _section(name: str, table: StateTable) -> str:
    return "\n".join([f"## {name.capitalize()}", "", *_diagram(table), "", *_table(table), ""])


def _diagram(table: StateTable) -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {next(iter(table))}"
    for name, state in table.items():
        for after in state.leads_to:
            if after != name:
                yield f"    {name} --> {after}"
        if not state.leads_to:
            yield f"    {name} --> [*]"
    yield "```"


def _table(table: StateTable) -> Iterator[str]:
    yield "| state | means | lasts at most | next |"
    yield "|---|---|---|---|"
    for name, state in table.items():
        lasts = _words(state.lasts) if state.lasts else ""
        yield f"| {name} | {state.meaning} | {lasts} | {state.next_action} |"


def _words(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes >= 120 and minutes % 60 == 0 else f"{minutes} min"


if __name__ == "__main__":
    STATES.parent.mkdir(exist_ok=True)
    STATES.write_text(states_page())
