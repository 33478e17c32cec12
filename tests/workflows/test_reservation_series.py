"""Series: reservations that a Temporal schedule makes, again and again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from temporalio.client import ScheduleHandle

from activities.contracts.reservations import KeepSeries
from tests.fakes.caller import refused
from tests.fakes.place import Place
from tests.workflows.test_reservation import span
from workflows.operation import CONTROL_QUEUE
from workflows.reservation import ReserveSeries

VCPUS = {"claim": {"amounts": [{"resource_type": "VCPU", "amount": 8}]}}
ALWAYS = {
    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "time_zone": "Europe/Berlin",
}  # fmt: skip


def schedule_of(place: Place, series: Any) -> ScheduleHandle:
    return place.site.client.get_schedule_handle(f"mulligan-series-{series.metadata.id}")


def hours(start: timedelta, length: timedelta) -> dict[str, Any]:
    """Every day, from so long from now on."""
    begins = datetime.now(UTC) + start
    return {
        **ALWAYS, "time_zone": "UTC",
        "start": f"{begins:%H:%M}", "end": f"{begins + length:%H:%M}",
    }  # fmt: skip


def begin(place: Place, **more: Any) -> Any:
    fields = {
        "project": place.project, "region": place.region, "spec": VCPUS,
        "recurrence": hours(timedelta(hours=2), timedelta(hours=3)),
        "ahead": span(days=3),
    }  # fmt: skip
    return place.member.CreateReservationSeries(**{**fields, **more})


def look(place: Place, series: Any) -> str:
    """What its schedule does when it is time, now."""
    return str(
        place.site.run(
            place.site.client.execute_workflow(
                ReserveSeries.run, KeepSeries(series=series.metadata.id),
                id=f"look-{series.metadata.id}", task_queue=CONTROL_QUEUE,
            )
        )
    )  # fmt: skip


def made_of(place: Place, series: Any) -> list[Any]:
    listed = place.member.ListReservations(
        project=place.project, series=series.metadata.id, include_ended=True
    )
    return sorted(listed.reservations, key=lambda one: one.spec.window.acquire_at.seconds)


def test_a_series_reserves_what_is_due_once(place: Place) -> None:
    place.host()
    series = begin(place)
    place.operator.until(
        lambda event: event.object_id == series.metadata.id and "3 made" in event.message,
        after_revision=1,
    )
    made = made_of(place, series)
    starts = [one.spec.window.acquire_at.seconds for one in made]
    assert [later - earlier for earlier, later in pairwise(starts)] == [
        86_400, 86_400,
    ]  # fmt: skip
    assert {one.status.state for one in made} == {"reserved"}
    place.member.CancelReservation(project=place.project, id=made[1].metadata.id)
    assert look(place, series).startswith("0 made")
    assert len(made_of(place, series)) == 3
    shown = place.member.GetReservationSeries(project=place.project, id=series.metadata.id)
    assert [one.acquire_at.seconds for one in shown.next][:3] == starts
    assert not shown.paused
    place.site.run(schedule_of(place, series).pause(note="holidays"))
    paused = place.member.GetReservationSeries(project=place.project, id=series.metadata.id)
    assert paused.paused
    for one in made:
        if one is not made[1]:
            place.member.CancelReservation(project=place.project, id=one.metadata.id)
    ended = place.member.EndReservationSeries(project=place.project, id=series.metadata.id)
    assert ended.status.state == "ended"
    with refused("FAILED_PRECONDITION"):
        place.member.EndReservationSeries(project=place.project, id=series.metadata.id)
    assert not place.member.ListReservationSeries(project=place.project).series


def test_what_can_not_be_had_is_told_and_tried_again(sqlite_place: Place) -> None:
    place = sqlite_place
    place.executor  # noqa: B018 (its region has one)
    series = begin(place, ahead=span(hours=20))
    place.operator.until(
        lambda event: event.object_id == series.metadata.id and event.kind == "problem",
        after_revision=1,
    )
    [listed] = place.member.ListReservationSeries(project=place.project).series
    assert "0 made" in listed.status.reason
    assert "no capacity" in listed.status.reason
    place.host()
    assert look(place, series).startswith("1 made")
    [one] = made_of(place, series)
    place.member.CancelReservation(project=place.project, id=one.metadata.id)
    place.member.EndReservationSeries(project=place.project, id=series.metadata.id)


def test_a_series_that_can_not_be_is_refused(sqlite_place: Place) -> None:
    place = sqlite_place
    for about, more in (
        ("recurrence.days", {"recurrence": {
            **ALWAYS, "days": [], "start": "19:00", "end": "07:00",
        }}),
        ("start", {"recurrence": {**ALWAYS, "start": "7 pm", "end": "07:00"}}),
        ("time_zone", {"recurrence": {
            **ALWAYS, "start": "19:00", "end": "07:00", "time_zone": "Mars",
        }}),
        ("ahead", {"ahead": span(days=61)}),
        ("spec.window", {"spec": {**VCPUS, "window": {}}}),
        ("spec.machine", {"spec": {}}),
    ):  # fmt: skip
        with refused("INVALID_ARGUMENT", about=about):
            begin(place, **more)
    other = Place(place.site)
    series = begin(other)
    with refused("NOT_FOUND"):
        place.member.GetReservationSeries(project=place.project, id=series.metadata.id)
    with refused("NOT_FOUND"):
        place.member.EndReservationSeries(project=place.project, id=series.metadata.id)
    other.member.EndReservationSeries(project=other.project, id=series.metadata.id)
