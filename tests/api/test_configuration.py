"""What an operator turns while services run, and that every instance follows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import pytest

from activities.contracts import redfish
from mulligan.values.configuration import FIELDS, Configuration
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.api.instances import beside
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site

LIMIT_S = 60
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


def test_every_instance_follows(place: Place, site: Site, followed: Followed) -> None:
    member, operator = place.member, place.operator
    with beside(site) as address, restored(operator.MetaConfigure, "meta"):
        there = Caller(address, member.token)
        made = operator.MetaConfigure(
            spec={"account_reads": ONE_AN_HOUR, "log_level": common_pb2.LOG_LEVEL_INFO},
            update_mask=mask("account_reads", "log_level"),
        )
        followed.wait_for("meta", made.generation, instances=2)
        for instance in (member, there):
            instance.ResolveNames(object_type="region", names=["a"])
            with refused("RESOURCE_EXHAUSTED", "RATE_LIMITED") as refusal:
                instance.ResolveNames(object_type="region", names=["a"])
            assert refusal.retry_s > 3000
        assert logging.getLogger().level == logging.INFO
        site.account(common_pb2.ROLE_MEMBER, place.project).ResolveNames(
            object_type="region", names=["a"]
        )
        taken_back = operator.MetaConfigure(update_mask=mask("account_reads", "log_level"))
        followed.wait_for("meta", taken_back.generation, instances=2)
        for instance in (member, there):
            instance.ResolveNames(object_type="region", names=["a"])


@on_sqlite
def test_who_configures_is_never_locked_out(place: Place, followed: Followed) -> None:
    operator = place.operator
    with restored(operator.MetaConfigure, "meta"):
        made = operator.MetaConfigure(spec={"writes": ONE_AN_HOUR}, update_mask=mask("writes"))
        followed.wait_for("meta", made.generation)
        for _ in range(3):
            operator.MetaConfigure(spec={"writes": ONE_AN_HOUR}, update_mask=mask("writes"))
