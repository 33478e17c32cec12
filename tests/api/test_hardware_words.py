"""What hardware says of itself is for those who run it; a project reads what went wrong."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from requests import exceptions as requests_errors

from activities.bmc import Bmc, Patience
from activities.contracts import hypervisor, redfish
from activities.domains import Stops
from activities.libvirt_connections import Connections
from mulligan.values import told
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place


def no_such_domain(request: Any) -> Any:
    """Ask the test driver of libvirt for what is not there."""
    stops = Stops(None)
    connections = Connections(stops, lambda: None)
    try:
        with connections.to(request.access, "look for the domain") as connection:
            connection.lookupByName("nobody")
    finally:
        connections.close()
        stops.close()


def untrusted_bmc(request: Any) -> Any:
    """Meet a certificate that nobody signed."""
    line: Any = SimpleNamespace(doing="", secrets=())
    bmc = Bmc(request.access, None, lambda _: None, Patience(), line)
    with bmc.asked("insert the medium"):
        raise requests_errors.SSLError(f"CERTIFICATE_VERIFY_FAILED at {request.access.address}")


def read_by(caller: Caller, place: Place, operation: str, machine: str) -> str:
    """All that somebody can read of an operation that ended and of its machine."""
    watched = caller.until(
        lambda event: event.object_id == operation and event.status.state == "failed",
        operation=operation,
    )
    answers = (
        caller.GetOperation(id=operation),
        caller.ListOperations(object_id=machine),
        caller.GetOperationLog(id=operation),
        caller.ListMachines(project=place.project, include_ended=True),
        caller.ListAuditEvents(object_id=operation),
        caller.ListAuditEvents(object_id=machine),
        *watched,
    )
    with refused("FAILED_PRECONDITION") as words:
        caller.AbortOperation(id=operation)
    return "".join(map(str, (*answers, words.message)))


@pytest.mark.parametrize(
    ("kind", "contract", "does", "code", "words"),
    [
        ("virtual", hypervisor.start, no_such_domain, "LIBVIRT_REFUSED", "the hardware did not"),
        ("baremetal", redfish.stage, untrusted_bmc, "BMC_TLS_UNTRUSTED", "is not trusted"),
    ],
)
def test_a_project_reads_what_went_wrong_and_operators_where(
    place: Place, kind: str, contract: Any, does: Callable[[Any], Any], code: str, words: str
) -> None:
    if kind == "virtual":
        address = place.operator.GetHost(id=place.host()).spec.uri
    else:
        address = place.operator.GetServer(id=place.server()).spec.address
    place.executor.does[contract] = does
    asked = place.provision(kind)
    ended = place.site.end_of(asked.metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", code)
    project_admin = place.site.account(common_pb2.ROLE_ADMIN, place.project)
    named = (place, asked.metadata.id, asked.object_id)
    of_project, of_operators = read_by(project_admin, *named), read_by(place.operator, *named)
    assert words in of_project
    for secret in (address, "http://temporal/", "\u2061", "\u2063", "\u2064"):
        assert secret not in of_project
    assert of_operators.count(address) >= 6  # a step, the operation, the machine, their events
    assert "\u2061" not in of_operators
    by_code = project_admin.GetOperation(id=asked.metadata.id).status.reason
    assert project_admin.GetMachine(project=place.project, id=asked.object_id).status.reason == (
        by_code
    )


def test_of_a_text_that_was_cut_off_nothing_is_for_everybody() -> None:
    text = f"boot: {told.both('it broke', 'at 10.0.0.1 (of server 7)')}; tried again"
    assert told.read(text, operators=False) == "boot: it broke; tried again"
    assert told.read(text, operators=True) == "boot: at 10.0.0.1 (of server 7); tried again"
    for most in range(len(text)):
        for part in (text[:most], told.both("twice", text[:most])):
            assert "10" not in told.read(part, operators=False)
    assert told.read(told.both("a", told.both("b", "c")), operators=True) == "c"
