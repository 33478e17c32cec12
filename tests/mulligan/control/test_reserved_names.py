"""Names of reserved machines: nobody else's then, and such that a machine can have them."""

import pytest
from sqlalchemy.orm import Session

from mulligan.control.reserved_names import refuse_taken
from mulligan.values.errors import AlreadyExistsError, InvalidArgumentError
from mulligan.values.window import WITHOUT_END, Window
from tests.mulligan.control.reservation_stage import Stage
from tests.mulligan.resource.fleet import at, new_id, window


def refuse(stage: Stage, when: Window, name: str = "web", project: str = "") -> None:
    def look(session: Session) -> None:
        refuse_taken(session, project or stage.project, name, when)

    stage.database.read(look)


def test_another_reservation_has_the_name_in_its_window_only(each: Stage) -> None:
    each.host()
    reservation = each.reserve(window(10, 60))
    with pytest.raises(AlreadyExistsError, match="another machine is named 'web' then, until"):
        refuse(each, window(50, 70))
    refuse(each, window(60, 70))
    refuse(each, window(0, 10))
    refuse(each, window(50, 70), name="Web")
    refuse(each, window(50, 70), project=new_id())
    each.cancel(reservation, 5)
    refuse(each, window(50, 70))


def test_a_machine_has_the_name_as_long_as_it_is_planned(each: Stage) -> None:
    each.host()
    reservation = each.reserve(window(0, 60), machine=False)
    machine = each.machine(reservation, 1, name="db")
    with pytest.raises(AlreadyExistsError) as refused:
        refuse(each, window(30, 90), name="db")
    assert refused.value.reason == "NAME_TAKEN"
    assert refused.value.details["field"] == "spec.machine_name"
    refuse(each, window(60, 90), name="db")
    each.becomes(machine, "gone", 20)
    refuse(each, window(30, 90), name="db")


def test_who_lasts_without_end_has_the_name_for_ever(stage: Stage) -> None:
    stage.host()
    stage.reserve(Window(at(0), WITHOUT_END))
    with pytest.raises(AlreadyExistsError, match="without end"):
        refuse(stage, window(900, 1000))


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, new_id()])
def test_what_can_not_be_a_name_is_refused_before_the_start(stage: Stage, name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        refuse(stage, window(0, 10), name=name)
