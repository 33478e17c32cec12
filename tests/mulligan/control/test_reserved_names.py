"""Names of reserved machines: nobody else's then, and such that a machine can have them."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from mulligan.control import operations
from mulligan.control.machines import rename_machine
from mulligan.control.operations import Ask
from mulligan.control.reserved_names import refuse_taken
from mulligan.control.tables import Machine
from mulligan.meta import planned_names
from mulligan.values.errors import AlreadyExistsError, InvalidArgumentError
from mulligan.values.window import WITHOUT_END, Window
from tests.mulligan.control.reservation_stage import Stage
from tests.mulligan.resource.fleet import at, new_id, window


def refuse(stage: Stage, when: Window, name: str = "web", project: str = "") -> None:
    def look(session: Session) -> None:
        refuse_taken(session, project or stage.project, name, when)

    stage.database.read(look)


def begin_provision(stage: Stage, name: str) -> str:
    """An operation that is to make a machine of this name."""
    operation = new_id()
    ask = Ask(
        operation, "provision", stage.region, stage.project, new_id(), "request", "digest",
        "machine", new_id(), request={"name": name},
    )  # fmt: skip
    stage.write(lambda session: operations.begin(session, ask))
    return operation


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


def test_who_has_ended_plans_no_name_and_is_still_shown_with_it(each: Stage) -> None:
    each.host()
    ended, to_come = each.reserve(window(10, 60)), each.reserve(window(60, 90))
    failed = begin_provision(each, "web")
    each.cancel(ended, 5)
    each.write(lambda session: operations.finish(session, failed, "failed", "no boot"))

    def look(session: Session) -> tuple[list[str], dict[str, str]]:
        planning = planned_names.planners(session, "machine", each.project, "web")
        return planning, planned_names.planned(session, [ended, to_come, failed])

    planning, shown = each.database.read(look)
    assert planning == [to_come]
    assert shown == dict.fromkeys((ended, to_come, failed), "web")


def test_a_machine_is_not_renamed_to_what_is_reserved_while_it_lasts(each: Stage) -> None:
    each.host()
    reservation = each.reserve(window(0, 60), machine=False)
    machine = each.machine(reservation, 1, name="db")
    each.host()
    overlapping = each.reserve(window(30, 90))

    def rename(name: str) -> Machine:
        return each.write(  # type: ignore[no-any-return]
            lambda session: rename_machine(
                session, each.project, machine, name, generation=0, author=new_id()
            )
        )

    with pytest.raises(AlreadyExistsError, match="another machine is named 'web' then") as refused:
        rename(" web")
    assert refused.value.details["field"] == "name"
    each.change(overlapping, window(60, 90), 2)
    assert rename("web").generation == rename("web").generation


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


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, str(UUID(int=1))])
def test_what_can_not_be_a_name_is_refused_before_the_start(stage: Stage, name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        refuse(stage, window(0, 10), name=name)
