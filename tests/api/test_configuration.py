"""What an operator turns while services run, and that every instance follows."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import pytest

from activities.contracts import redfish
from api import health, rates
from api.access import methods_of
from api.in_force import InForce
from api.server import SERVICES
from mulligan.configuration import ConfigurationRow
from mulligan.database import Database
from mulligan.iam import tokens
from mulligan.log_level import LogLevel
from mulligan.values import caller
from mulligan.values.configuration import FIELDS, Configuration
from mulligan.values.errors import RateLimitedError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.api.instances import beside
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site

LIMIT_S, HOURS_S = 60, 36_000.0
READS: Mapping[str, Callable[[Caller], object]] = {
    "iam": lambda caller: caller.ListRegions(),
    "meta": lambda caller: caller.ResolveNames(object_type="region", names=["a"]),
    "resource": lambda caller: caller.ListNetworks(),
    "control": lambda caller: caller.ListImages(),
}
ONE_AN_HOUR = {"per_second": 1 / 3600, "burst": 1}


class Followed(logging.Handler):
    """Hears which service of an instance took which generation in."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: SimpleQueue[tuple[Any, ...]] = SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.put(tuple(record.args or ())[:2])

    def wait_for(self, service: str, generation: int, instances: int = 1) -> None:
        """Wait until so many instances have taken it in."""
        while instances:
            instances -= self.heard.get(timeout=LIMIT_S) == (service, generation)


@pytest.fixture
def followed() -> Iterator[Followed]:
    logger, handler = logging.getLogger("api.in_force"), Followed()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def mask(*fields: str) -> dict[str, list[str]]:
    return {"paths": [f"spec.{field}" for field in fields]}


@contextmanager
def restored(configure: Any, service: str) -> Iterator[None]:
    """Whatever was set of a service is taken back: others use the site, too."""
    try:
        yield
    finally:
        configure(update_mask=mask(*FIELDS[service]))


def test_what_is_set_is_in_force_and_the_rest_has_its_default(place: Place) -> None:
    operator = place.operator
    before = operator.GetControlConfiguration()
    assert (before.service, before.region) == ("control", "")
    assert before.in_force.accept_timeout.seconds == 25
    assert not before.in_force.HasField("writes")
    with restored(operator.ControlConfigure, "control"):
        made = operator.ControlConfigure(
            spec={"accept_timeout": {"seconds": 7}, "writes": {"per_second": 500}},
            update_mask=mask("accept_timeout", "writes"),
            generation=before.generation,
        )
        assert made.generation == before.generation + 1
        assert made.changed_by == operator.account
        assert made.changed_at.seconds > 0
        assert made.in_force.accept_timeout.seconds == 7
        assert made.in_force.transaction_timeout.seconds == 60
        assert not made.spec.HasField("transaction_timeout")
        assert operator.GetControlConfiguration() == made
        event = operator.until(
            lambda event: "accept_timeout 7" in event.message,
            after_revision=0,
            object_types=["configuration"],
        )[-1]
        assert (event.kind, event.author) == ("updated", operator.account)
        with refused("ABORTED", "STALE_GENERATION", about="generation"):
            operator.ControlConfigure(
                update_mask=mask("writes"), generation=before.generation or 10**9
            )
        kept = operator.ControlConfigure(update_mask=mask("accept_timeout"))
        assert kept.in_force.accept_timeout.seconds == 25
        assert kept.spec.writes.per_second == 500


@on_sqlite
def test_a_service_refuses_what_it_has_no_use_for(place: Place) -> None:
    with refused("INVALID_ARGUMENT", about="update_mask") as refusal:
        place.operator.IamConfigure(
            spec={"accept_timeout": {"seconds": 7}}, update_mask=mask("accept_timeout")
        )
    assert "spec.transaction_timeout" in refusal.message
    with refused("INVALID_ARGUMENT", about="spec.transaction_timeout") as refusal:
        place.operator.IamConfigure(
            spec={"transaction_timeout": {"seconds": 3600}},
            update_mask=mask("transaction_timeout"),
        )
    assert "3600" in refusal.message
    with refused("INVALID_ARGUMENT", about="spec.reads.per_second"):
        place.operator.IamConfigure(spec={"reads": {}}, update_mask=mask("reads"))


@on_sqlite
def test_executors_are_configured_region_by_region(place: Place) -> None:
    operator, elsewhere = (
        place.operator,
        str(place.operator.CreateRegion(name=new_name("region")).metadata.id),
    )
    operator.ExecutorConfigure(
        region=place.region,
        spec={"bmc_answer_timeout": {"seconds": 40}, "log_level": common_pb2.LOG_LEVEL_DEBUG},
        update_mask=mask("bmc_answer_timeout", "log_level"),
    )
    server = place.server()
    asked = place.executor.request_of(redfish.inspect)
    assert asked.configured.wanted == Configuration(log_level="DEBUG", bmc_answer_timeout=40)
    assert operator.GetServer(id=server).status.state == "available"
    found = operator.GetExecutorConfiguration(region=place.region)
    assert (found.region, found.in_force.bmc_answer_timeout.seconds) == (place.region, 40)
    assert found.in_force.log_level == common_pb2.LOG_LEVEL_DEBUG
    other = operator.GetExecutorConfiguration(region=elsewhere)
    assert (other.generation, other.in_force.bmc_answer_timeout.seconds) == (0, 20)


@pytest.mark.parametrize("service", READS)
def test_every_instance_is_woken_by_a_change_and_follows(
    place: Place, site: Site, followed: Followed, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """None waits for its next slow look, which would be hours later."""
    monkeypatch.setattr(health, "LOOK_S", HOURS_S)
    member, read = place.member, READS[service]
    configure = getattr(place.operator, f"{service.capitalize()}Configure")
    with (
        beside(site, tuple(READS)) as one,
        beside(site, tuple(READS)) as other,
        restored(configure, service),
    ):
        instances = [member, *(Caller(address, member.token) for address in (one, other))]
        made = configure(
            spec={"account_reads": ONE_AN_HOUR, "log_level": common_pb2.LOG_LEVEL_INFO},
            update_mask=mask("account_reads", "log_level"),
        )
        followed.wait_for(service, made.generation, instances=3)
        for instance in instances:
            read(instance)
            with refused("RESOURCE_EXHAUSTED", "RATE_LIMITED") as refusal:
                read(instance)
            assert refusal.retry_s > 3000
        assert logging.getLogger().level == logging.INFO
        read(site.account(common_pb2.ROLE_MEMBER, place.project))
        taken_back = configure(update_mask=mask("account_reads", "log_level"))
        followed.wait_for(service, taken_back.generation, instances=3)
        for instance in instances:
            read(instance)


@on_sqlite
def test_no_limit_locks_an_administrator_out(place: Place, site: Site, followed: Followed) -> None:
    operator, account = place.operator, site.new_account()
    site.admin.AssignRole(account=account, role=common_pb2.ROLE_ADMIN)
    limits = ("reads", "writes", "account_reads", "account_writes")
    tight = {"spec": dict.fromkeys(limits, ONE_AN_HOUR), "update_mask": mask(*limits)}
    with restored(operator.IamConfigure, "iam"):
        made = operator.IamConfigure(**tight)
        followed.wait_for("iam", made.generation)
        operator.ListRegions()
        with refused("RESOURCE_EXHAUSTED", "RATE_LIMITED"):
            operator.ListRegions()
        fresh = site.signed_in(account)
        with refused("RESOURCE_EXHAUSTED", "RATE_LIMITED"):
            fresh.ListRegions()
        for _ in range(3):
            assert fresh.GetIamConfiguration() == made
            assert site.caller().ListTokenKeys().keys
            made = fresh.IamConfigure(**tight)
        taken_back = fresh.IamConfigure(update_mask=mask(*limits))
        followed.wait_for("iam", taken_back.generation)
        fresh.ListRegions()


def row(generation: int, **fields: Any) -> ConfigurationRow:
    return ConfigurationRow(fields=fields, generation=generation, changed_by="somebody")


def test_services_are_never_limited_and_addresses_push_no_account_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 2)
    of_iam = methods_of(SERVICES["iam"], Database("sqlite:///never-opened.sqlite"))
    read, keys, bootstrap = (
        of_iam[f"/mulligan.iam.v1.IamService/{verb}"]
        for verb in ("ListRegions", "ListTokenKeys", "Bootstrap")
    )
    in_force = InForce("iam", LogLevel())
    in_force.take(row(1, account_reads=ONE_AN_HOUR, account_writes=ONE_AN_HOUR))
    account = caller.Caller("a", {})
    in_force.admit(account, read)
    for number in range(3):
        in_force.admit(caller.Caller(tokens.SERVICES, {}), read)
        in_force.admit(caller.Caller(tokens.SERVICES, {}, address="ipv4:192.0.2.1:1"), keys)
        in_force.admit(
            caller.Caller(tokens.SERVICES, {}, address=f"ipv4:192.0.2.{number}:1"), bootstrap
        )
    for who, method in (
        (account, read),
        (caller.Caller(tokens.SERVICES, {}, address="ipv4:192.0.2.2:1"), bootstrap),
    ):
        with pytest.raises(RateLimitedError):
            in_force.admit(who, method)


def test_a_database_that_was_restored_is_followed() -> None:
    in_force = InForce("iam", LogLevel())
    seconds = []
    for found in (row(7, transaction_timeout=7), row(3, transaction_timeout=3), None):
        in_force.take(found)
        seconds.append(in_force.configuration.transaction_timeout)
    assert seconds == [7, 3, 60]
