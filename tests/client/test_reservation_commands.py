"""mulligan reservation."""

from pathlib import Path
from typing import Any

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    HOST,
    IMAGE,
    MACHINE,
    NETWORK,
    OPERATION,
    PROJECT,
    REGION,
    FakeMulligan,
    RefusalError,
    status,
)

pytestmark = pytest.mark.usefixtures("logged_in")

RESERVATION = "00000000-0000-4000-8000-0000000e5e11"
NEW_YEAR = 1893456000
"""2030-01-01T00:00Z."""
WHEN = ("--from", "2030-01-01T00:00Z", "--for", "4h")


def a_reservation(number: int = 1, **fields: Any) -> pb.Reservation:
    """Of a machine, for four hours from New Year 2030 on."""
    window = common_pb2.Window()
    window.acquire_at.FromSeconds(NEW_YEAR)
    window.release_at.FromSeconds(NEW_YEAR + 4 * 3600)
    spec = pb.ReservationSpec(
        machine=control_pb2.MachineSpec(kind="virtual", image=IMAGE),
        machine_name="web",
        window=window,
        purpose="nightly build",
    )
    spec.keep_for.FromSeconds(7200)
    one = RESERVATION[:-1] + str(number)
    return pb.Reservation(
        metadata=common_pb2.Metadata(id=one, project=PROJECT, region=REGION),
        spec=spec,
        status=status("reserved", "its claim is committed", "its machine is provisioned"),
        operation=OPERATION,
        **fields,
    )


def answer(*numbers: int) -> pb.CreateReservationsResponse:
    return pb.CreateReservationsResponse(reservations=[a_reservation(one) for one in numbers])


def asked(fake: FakeMulligan) -> Any:
    [request] = fake.asked("CreateReservations")
    return request


def test_a_machine_is_reserved(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateReservations", answer(1))
    result = run(
        "reservation", "create", "--machine", "web", "--image", "debian-13", "--vcpus", "2",
        "--memory", "2GiB", "--disk", "10GiB", "--network", "lan", *WHEN, "--purpose",
        "nightly build", "--keep-for", "2h", "--warn-before", "0s", "--reclaim-after", "1h",
        "--stays", "--request-id", "once",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    for words in (RESERVATION, "reserved", "web", "nightly build"):
        assert words in result.stdout
    request = asked(fake)
    assert (request.project, request.region, request.times) == (PROJECT, REGION, 1)
    assert request.request_id == "once"
    spec = request.spec
    assert (spec.machine_name, spec.machine.image, spec.machine.vcpus) == ("web", IMAGE, 2)
    assert [nic.network for nic in spec.machine.nics] == [NETWORK]
    assert not spec.machine.HasField("window")
    assert spec.window.acquire_at.seconds == NEW_YEAR
    assert spec.window.release_at.seconds == NEW_YEAR + 4 * 3600
    assert (spec.purpose, spec.stays) == ("nightly build", True)
    assert (spec.keep_for.seconds, spec.reclaim_after.seconds) == (7200, 3600)
    assert spec.HasField("warn_before")
    assert spec.warn_before.seconds == 0
    assert not spec.HasField("claim")


def test_amounts_are_reserved(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateReservations", answer(1))
    result = run(
        "reservation", "create", "VCPU=4", "MEMORY_MIB=512", "--require", "virt:kvm", "--on",
        "hyper-1", "--until", "2030-01-01T00:00Z",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    spec = asked(fake).spec
    assert [(one.resource_type, one.amount) for one in spec.claim.amounts] == [
        ("VCPU", 4),
        ("MEMORY_MIB", 512),
    ]
    assert (spec.claim.provider, list(spec.claim.required_capabilities)) == (HOST, ["virt:kvm"])
    assert not spec.HasField("machine")
    assert not spec.claim.HasField("window")
    assert not spec.window.HasField("acquire_at")
    assert spec.window.release_at.seconds == NEW_YEAR
    for field in ("keep_for", "warn_before", "reclaim_after"):
        assert not spec.HasField(field)


def test_what_is_reserved_comes_from_a_file(run: Run, fake: FakeMulligan, tmp_path: Path) -> None:
    fake.on("CreateReservations", answer(1))
    file = tmp_path / "claim.yaml"
    file.write_text("groups: [{name: cpu, amounts: [{resource_type: VCPU, amount: 4}]}]")
    result = run("reservation", "create", "--file", str(file), *WHEN)
    assert result.exit_code == 0, result.stderr
    assert [group.name for group in asked(fake).spec.claim.groups] == ["cpu"]


def test_a_place_is_held_for_a_machine(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateReservations", answer(1))
    result = run("reservation", "create", *WHEN)
    assert result.exit_code == 0, result.stderr
    spec = asked(fake).spec
    assert spec.HasField("machine")
    assert (spec.machine.image, spec.machine_name) == ("", "")


def test_all_or_none_is_one_call(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateReservations", answer(1, 2, 3))
    result = run("reservation", "create", "VCPU=4", *WHEN, "--times", "3", "--all-or-none")
    assert result.exit_code == 0, result.stderr
    assert asked(fake).times == 3
    assert all(RESERVATION[:-1] + number in result.stdout for number in "123")


def test_so_many_as_fit_are_shown_and_why_no_more(run: Run, fake: FakeMulligan) -> None:
    full = RefusalError("RESOURCE_EXHAUSTED", "NO_CAPACITY", "no capacity among 3 providers")
    fake.on("CreateReservations", answer(1), answer(2), full)
    result = run(
        "reservation", "create", "--machine", "web", "--image", "debian-13", *WHEN, "--times",
        "5", "--request-id", "once",
    )  # fmt: skip
    assert result.exit_code == Exit.NO_CAPACITY
    assert "no capacity among 3 providers" in result.stderr
    assert all(RESERVATION[:-1] + number in result.stdout for number in "12")
    requests = fake.asked("CreateReservations")
    assert [one.times for one in requests] == [1, 1, 1]
    assert [one.request_id for one in requests] == ["once", "once-1", "once-2"]
    assert [one.spec.machine_name for one in requests] == ["web-1", "web-2", "web-3"]


def test_reservations_are_listed_and_shown(run: Run, fake: FakeMulligan) -> None:
    fake.on(
        "ListReservations",
        pb.ListReservationsResponse(reservations=[a_reservation(1)], next_page_token="2"),
        pb.ListReservationsResponse(reservations=[a_reservation(2)]),
    )
    result = run("reservation", "list", "--all")
    assert result.exit_code == 0, result.stderr
    assert all(RESERVATION[:-1] + number in result.stdout for number in "12")
    first, second = fake.asked("ListReservations")
    assert (first.project, first.include_ended, second.page.token) == (PROJECT, True, "2")
    fake.on("GetReservation", a_reservation(machine=MACHINE))
    result = run("reservation", "show", RESERVATION)
    assert result.exit_code == 0, result.stderr
    for words in (
        "its claim is committed",
        "web-1",
        "its machine is kept for 2 h",
        "nightly build",
    ):
        assert words in result.stdout
    assert fake.asked("GetReservation")[0].id == RESERVATION


def test_a_reservation_is_changed(run: Run, fake: FakeMulligan) -> None:
    fake.on("UpdateReservation", a_reservation())
    for options in (
        ("--from", "2030-01-01T00:00Z"),
        ("--until", "2030-01-01T00:00Z", "--generation", "3"),
        ("--without-end",),
        ("--keep-for", "0s"),
    ):
        result = run("reservation", "change", RESERVATION, *options)
        assert result.exit_code == 0, result.stderr
    moved, longer, endless, dropped = fake.asked("UpdateReservation")
    assert moved.window.acquire_at.seconds == NEW_YEAR
    assert not moved.window.HasField("release_at")
    assert (longer.window.release_at.seconds, longer.generation) == (NEW_YEAR, 3)
    assert not longer.window.HasField("acquire_at")
    assert endless.update_mask.paths == ["window"]
    assert not endless.window.HasField("release_at")
    assert dropped.update_mask.paths == ["keep_for"]
    assert dropped.keep_for.seconds == 0


def test_a_reservation_is_cancelled_when_somebody_says_yes(run: Run, fake: FakeMulligan) -> None:
    fake.on("CancelReservation", a_reservation())
    assert run("reservation", "cancel", RESERVATION).exit_code != 0
    assert fake.asked("CancelReservation") == []
    result = run("reservation", "cancel", RESERVATION, "--yes")
    assert result.exit_code == 0, result.stderr
    assert fake.asked("CancelReservation")[0].id == RESERVATION


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "VCPU=many"),
        ("create", "VCPU=1", "--image", "debian-13"),
        ("create", "VCPU=1", "--machine", "web"),
        ("create", "VCPU=1", "--until", "2030-01-01T00:00Z", "--for", "4h"),
        ("create", "VCPU=1", "--times", "101"),
        ("create", "VCPU=1", "--times", "0"),
        ("create", "VCPU=1", "--from", "soon"),
        ("change", RESERVATION),
        ("change", RESERVATION, "--until", "2030-01-01T00:00Z", "--without-end"),
    ],
)
def test_what_can_not_be_asked_is_refused(
    run: Run, fake: FakeMulligan, arguments: tuple[str, ...]
) -> None:
    assert run("reservation", *arguments).exit_code == Exit.USAGE
    assert not fake.asked("CreateReservations") + fake.asked("UpdateReservation")
