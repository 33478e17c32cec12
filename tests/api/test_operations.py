"""Operations: seen by their project, newest first, with what was said."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

from activities.contracts import hypervisor, redfish
from activities.hypervisor import Hypervisor
from activities.settings import ExecutorSettings
from tests.fakes.caller import Caller, refused
from tests.fakes.executor import a_log
from tests.fakes.place import Place, at, on_sqlite
from tests.fakes.site import Site


@on_sqlite
def test_operations_are_listed_newest_first_in_pages(place: Place) -> None:
    place.host()
    machine = place.machine()
    place.site.end_of(place.decommission(machine).metadata.id)
    place.claim()  # committed at once: there is nothing to follow
    place.claim(hold_until=at(hours=1))
    listed = place.member.ListOperations(project=place.project).operations
    assert [one.type for one in listed] == ["claim", "decommission", "provision"]
    seen, token = [], ""
    while True:
        page = place.member.ListOperations(project=place.project, page={"size": 1, "token": token})
        seen += [one.metadata.id for one in page.operations]
        token = page.next_page_token
        if not token:
            break
    assert seen == [one.metadata.id for one in listed]
    of_machine = place.member.ListOperations(object_id=machine).operations
    assert [one.type for one in of_machine] == ["decommission", "provision"]


def test_another_projects_operation_is_not_there(place: Place, site: Site) -> None:
    place.host()
    machine = place.machine()
    [operation] = place.member.ListOperations(object_id=machine).operations
    other = Place(site)
    for show in (other.member.GetOperation, other.member.GetOperationLog):
        with refused("NOT_FOUND") as refusal:
            show(id=operation.metadata.id)
        assert refusal.resource == ("operation", operation.metadata.id)
    for narrowed in ({}, {"project": place.project}, {"object_id": machine}):
        assert not other.member.ListOperations(**narrowed).operations
    # A request of another project never meets this one, whatever its request id.
    claim = {"spec": {"amounts": [{"resource_type": "VCPU", "amount": 1}], "region": place.region}}
    request_id = str(uuid4())
    ours = place.member.CreateClaim(project=place.project, request_id=request_id, **claim)
    theirs = other.member.CreateClaim(project=other.project, request_id=request_id, **claim)
    assert ours.metadata.id != theirs.metadata.id


@on_sqlite
def test_operators_operations_are_not_for_members(place: Place) -> None:
    host = place.host()
    [operation] = place.operator.ListOperations(object_id=host).operations
    assert operation.author
    with refused("NOT_FOUND"):
        place.member.GetOperation(id=operation.metadata.id)
    assert not place.member.ListOperations(object_id=host).operations


def said(caller: Caller, operation: Any) -> dict[str, str]:
    """What a caller reads in an operation's log, by source."""
    parts = caller.GetOperationLog(id=operation.metadata.id).parts
    return {part.source: part.text for part in parts}


@on_sqlite
def test_the_log_of_a_running_operation_is_what_the_executor_says_now(place: Place) -> None:
    place.host()
    held = place.executor.holds(hypervisor.start)
    operation = place.provision()
    held.wait()
    assert said(place.member, operation) == {"console": "login:"}
    place.executor.answers(hypervisor.read_console, a_log("console", "login: web"))
    assert said(place.member, operation) == {"console": "login: web"}
    asked = place.executor.request_of(hypervisor.read_console)
    assert (asked.machine, asked.operation) == (operation.object_id, operation.metadata.id)
    held.release()
    place.site.end_of(operation.metadata.id)
    place.executor.answers(hypervisor.read_console, a_log("console", "another word"))
    assert said(place.member, operation) == {"console": "login: web"}


@on_sqlite
def test_the_log_of_a_running_operation_without_an_answer_is_what_was_kept(place: Place) -> None:
    place.host()
    held = place.executor.holds(hypervisor.start)
    operation = place.provision()
    held.wait()
    place.executor.breaks(hypervisor.read_console, "HARDWARE")
    assert said(place.member, operation) == {}
    place.executor.mends(hypervisor.read_console)
    held.release()
    place.site.end_of(operation.metadata.id)


@on_sqlite
def test_on_which_host_a_console_is_kept_is_for_operators(place: Place, tmp_path: Path) -> None:
    url = "https://executor.internal"
    settings = ExecutorSettings(
        region=place.region,
        state_folder=tmp_path,
        ramdisk_folder=tmp_path,
        media_url=url,
        ramdisk_url=url,
        report_url=url,
    )
    hardware = Hypervisor(settings, Mock(), Mock())
    place.executor.does[hypervisor.read_console] = hardware.read_console
    uri = f"qemu+tls://{uuid4()}/system"
    place.host(spec={"uri": uri})
    ended = place.site.end_of(place.provision().metadata.id)
    kept = "the console is kept on the host"
    assert said(place.member, ended) == {"console": f"{kept}; ask an operator for it\n"}
    command = f"virsh -c {uri} console mulligan-{ended.object_id}"
    assert said(place.operator, ended) == {"console": f"{kept}; read it there: {command}\n"}


@on_sqlite
def test_what_bmc_and_ramdisk_say_meanwhile_is_for_operators(place: Place) -> None:
    place.server()
    held = place.executor.holds(redfish.boot_medium)
    operation = place.provision("baremetal")
    held.wait()
    assert said(place.member, operation) == {}
    assert said(place.operator, operation) == {
        "bmc": "power on at https://bmc.internal",
        "ramdisk": "asks https://executor.internal",
    }
    held.release()
    place.site.end_of(operation.metadata.id)
