"""An executor's right to write, and the marks that it leaves for its successor."""

import pytest

from activities.lease import Lease
from mulligan.values.errors import HardwareBusyError


def refused(lease: Lease) -> str:
    with pytest.raises(HardwareBusyError) as caught:
        lease.mark("started")
    assert caught.value.reason == "FENCED_OFF"
    return caught.value.message


def test_a_mark_is_known_to_temporal_before_it_is_acted_upon() -> None:
    heard: list[tuple[str, ...]] = []

    def acknowledge(lease: Lease) -> None:
        heard.append(lease.details)
        lease.renew(lease.now())

    Lease(acknowledge).mark("started")
    assert heard == [("started",)]


def test_nobody_acts_upon_a_mark_that_was_not_acknowledged() -> None:
    seconds = iter([10.0, 12.0, 15.0])
    lease = Lease(lambda _: None, lambda: next(seconds))
    lease.renew(lease.now())
    assert "the last heartbeat was acknowledged 5 s ago" in refused(lease)
    assert "no heartbeat was acknowledged" in refused(Lease(lambda _: None))


def test_nobody_acts_upon_a_mark_for_work_that_another_one_has() -> None:
    assert "the work was given to another one" in refused(Lease(lambda lease: lease.lose()))
