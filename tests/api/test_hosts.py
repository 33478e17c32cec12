"""Hosts: enrolled, shown, checked, forgotten."""

import pytest

from tests.fakes.caller import refused
from tests.fakes.place import Place, on_sqlite


def test_a_host_is_shown_and_listed(place: Place) -> None:
    shown = place.operator.GetHost(id=place.host())
    assert (shown.inventory.cpus, shown.spec.pool) == (8, "mulligan")
    assert list(place.operator.ListHosts(region=place.region).hosts) == [shown]


def test_a_host_that_is_known_already_is_refused(place: Place) -> None:
    host = place.operator.GetHost(id=place.host())
    with refused("ALREADY_EXISTS", about="spec.uri"):
        place.add_host(spec={"uri": host.spec.uri})
    with refused("ALREADY_EXISTS", about="spec.uri") as refusal:
        Place(place.site).add_host(spec={"uri": host.spec.uri})
    assert host.metadata.name not in refusal.message
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        place.add_host(name=host.metadata.name)
    with refused("INVALID_ARGUMENT", about="spec.uri"):
        place.add_host(spec={"uri": "host"})


@on_sqlite
@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "qemu"),
        ("http://h/system", "qemu"),
        ("esx://h/", "qemu"),
        ("qemu+ext:///system?command=/bin/sh", "qemu"),
        ("qemu+tcp://h/system", "qemu"),
        ("qemu+ssh://h/system?command=/tmp/x", "command"),
        ("qemu+ssh://h/system?socket=/s;Command=/tmp/x", "command"),
        ("qemu+ssh://h/system?keyfile=/k&c%6Fmmand=/tmp/x", "command"),
        ("qemu+ssh://h/system?netcat=sh", "netcat"),
        ("test+ssh://h/default?command=/tmp/x", "command"),
        ("qemu+tls://h/system?no_verify=1", "no_verify"),
        ("qemu+ssh://h/system?known_hosts_verify=ignore", "known_hosts_verify"),
        ("qemu+tls://h/system?tls_priority=NONE", "tls_priority"),
        ("test:///etc/passwd", "qemu"),
        ("qemu:///embed", "qemu"),
        ("qemu:system", "qemu"),
        (" qemu:///system", "qemu"),
        ("qemu:///system\n", "qemu"),
        ("qemu+ssh://-oProxyCommand=x/system", "qemu"),
        ("qemu+ssh://%2DoProxyCommand=x/system", "qemu"),
        ("qemu+ssh://user:secret@h/system", "without a password"),
        ("qemu:///system#x", "qemu"),
        ("qemu+tls://[::1/system", "brackets"),
        ("qemu+tls://h:99999999/system", "port"),
    ],
)
def test_a_uri_that_no_host_has_or_that_runs_programs_is_refused(
    place: Place, uri: str, said: str
) -> None:
    with refused("INVALID_ARGUMENT", about="spec.uri") as refusal:
        place.add_host(spec={"uri": uri})
    assert said in refusal.message
    assert "secret" not in refusal.message


@on_sqlite
@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ssh://user@h:22/system?keyfile=/k&known_hosts=/n",
        "qemu+libssh2://h/system",
        "qemu+tls://h/system?pkipath=/etc/pki",
        "qemu+unix:///session?socket=/run/s",
        "test:///default?number=1",
    ],
)
def test_a_uri_with_what_a_way_to_a_host_needs_is_taken(place: Place, uri: str) -> None:
    assert place.add_host(spec={"uri": uri})


@on_sqlite
def test_a_host_in_use_is_not_forgotten_and_one_that_is_free_is(place: Place) -> None:
    host = place.host()
    machine = place.machine()
    with refused("FAILED_PRECONDITION"):
        place.operator.DeleteHost(id=host)
    place.site.end_of(place.decommission(machine).metadata.id)
    place.operator.DeleteHost(id=host)
    with refused("NOT_FOUND"):
        place.operator.GetHost(id=host)


@pytest.mark.parametrize("rpc", ["VerifyHost", "InspectHost"])
@on_sqlite
def test_a_host_is_checked(place: Place, rpc: str) -> None:
    host = place.host()
    operation = getattr(place.operator, rpc)(id=host)
    assert operation.type == rpc.removesuffix("Host").lower()
    assert place.site.end_of(operation.metadata.id).status.state == "done"
    assert place.executor.called.count("hypervisor.inspect") == 2
