"""What goes to a BMC: fenced, one request at a time, in a session that a successor can end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from activities import bmc_line, lease
from activities.bmc import Bmc, Patience, connected
from activities.bmc_line import Turns
from activities.contracts.redfish import BmcAccess, BmcTarget, InspectServer
from activities.lease import FRESH_S, LONGEST_WRITE_S, Lease
from activities.server_control import power_off as switch_off
from mulligan.values.errors import HardwareBusyError, HardwareError
from tests.activities.scripted_bmc import LOGIN, ROOT, SYSTEM, Hiccup, ScriptedBmc
from tests.lab import Executor, bmc_access, running_executor, serving

OPERATION = "operation-1"
HASTY = Patience(pause_s=0.01, power_s=0.6, media_s=0.3, boot_s=0.3)
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
FORCE_OFF = {"ResetType": "ForceOff"}


@pytest.fixture
def executor(tmp_path: Path, stand_in_ramdisk: Path) -> Iterator[Executor]:
    with running_executor(tmp_path / "state", stand_in_ramdisk, HASTY) as running:
        yield running


@pytest.fixture
def bmc() -> ScriptedBmc:
    return ScriptedBmc(login=LOGIN)


def power_off(executor: Executor, access: BmcAccess) -> bool:
    request = BmcTarget(operation=OPERATION, fence=1, access=access)
    return executor.run(executor.redfish.power_off, request).changed


def look(executor: Executor, access: BmcAccess) -> str:
    request = InspectServer(operation=OPERATION, fence=1, access=access)
    return executor.run(executor.redfish.look, request).power


def on_the_line(
    executor: Executor,
    access: BmcAccess,
    heard: list[str] | None = None,
    patience: Patience = HASTY,
) -> AbstractContextManager[Bmc]:
    """Connect as another executor of the region does: another process with the same folder."""
    return connected(
        access,
        executor.keys,
        beat=lambda _: None,
        hear=lambda line: heard.append(line) if heard is not None and line else None,
        patience=patience,
        turns=Turns(),
        state_folder=executor.settings.state_folder,
    )


def kept_sessions(executor: Executor) -> list[str]:
    folder = executor.settings.state_folder / "sessions"
    return [path.read_text() for path in folder.glob("*/*")]


def writes(bmc: ScriptedBmc) -> list[str]:
    return [line for line in bmc.requests if not line.startswith("GET")]


class Clock:
    """Time as a test says; the only heartbeat was acknowledged at 0."""

    def __init__(self) -> None:
        self.now = 0.0

    def lease(self) -> Lease:
        return Lease(lambda asking: asking.renew(0.0), clock=lambda: self.now)


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    lease.hold(clock.lease())
    yield clock
    lease.hold(None)


# Fencing


@pytest.mark.parametrize("login", ["", LOGIN])
def test_without_a_fresh_lease_no_byte_is_written(
    executor: Executor, clock: Clock, login: str
) -> None:
    bmc = ScriptedBmc(login=login)
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        clock.now = FRESH_S + 1
        with pytest.raises(HardwareBusyError) as caught, on_the_line(executor, access) as line:
            line.post(RESET, FORCE_OFF, "switch it off")
    assert caught.value.reason == "FENCED_OFF"
    assert "server-1" in caught.value.message
    assert writes(bmc) == []
    assert bmc.power == "On"


def test_an_activity_whose_lease_goes_stale_writes_no_more(
    executor: Executor, bmc: ScriptedBmc, clock: Clock
) -> None:
    with (
        serving(bmc.app) as address,
        on_the_line(executor, bmc_access(executor.keys, address)) as line,
    ):
        line.post(RESET, FORCE_OFF, "switch it off")
        clock.now = FRESH_S + 1
        with pytest.raises(HardwareBusyError, match="may no longer switch it on"):
            line.post(RESET, {"ResetType": "On"}, "switch it on")
        assert line.get(SYSTEM)["PowerState"] == "Off", "reading is allowed"
    assert bmc.writes == ["ForceOff"]
    assert len(bmc.sessions) == 1, "it may not even log out"
    assert kept_sessions(executor) == list(bmc.sessions)


def test_who_was_frozen_right_before_sending_is_stopped_by_the_end_of_its_session(
    executor: Executor, bmc: ScriptedBmc, clock: Clock
) -> None:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        with on_the_line(executor, access) as frozen:
            frozen.post(RESET, {"ResetType": "On"}, "switch it on")
            lease.hold(None)
            with on_the_line(executor, access) as successor:
                successor.post(RESET, FORCE_OFF, "switch it off")
                was_asked = iter([FRESH_S - 1])  # its check passed before it was frozen
                lease.hold(Lease(lambda asking: asking.renew(0.0), lambda: next(was_asked, 99.0)))
                with pytest.raises(HardwareBusyError) as caught:
                    frozen.post(RESET, {"ResetType": "On"}, "switch it on")
                lease.hold(None)
    assert caught.value.reason == "FENCED_OFF"
    assert bmc.writes == ["On", "ForceOff"]
    assert bmc.power == "Off"


def test_a_write_whose_answer_was_lost_is_found_by_reading_back(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bmc_line, "WRITE_TIMEOUTS_S", (1.0, 0.1))
    bmc = ScriptedBmc(writes_take_s=1)
    with serving(bmc.app) as address:
        heard: list[str] = []
        with on_the_line(executor, bmc_access(executor.keys, address), heard) as line:
            assert switch_off(line, SYSTEM)
    assert bmc.writes == ["ForceOff"]
    assert heard == [f"POST {RESET} got no answer (ReadTimeout)"], "it was waited for too long"


def test_a_write_takes_no_longer_than_successors_expect() -> None:
    assert sum(bmc_line.WRITE_TIMEOUTS_S) <= LONGEST_WRITE_S


def test_one_request_at_a_time_goes_to_a_bmc(executor: Executor) -> None:
    bmc = ScriptedBmc(takes_s=0.01)
    with serving(bmc.app) as address, ThreadPoolExecutor(4) as pool:
        access = bmc_access(executor.keys, address)
        assert list(pool.map(lambda _: look(executor, access), range(4))) == ["on"] * 4
    assert bmc.most_at_once == 1


# Sessions


def test_an_activity_has_one_session_and_ends_it(executor: Executor, bmc: ScriptedBmc) -> None:
    with serving(bmc.app) as address:
        assert power_off(executor, bmc_access(executor.keys, address))
    assert writes(bmc) == [f"POST {LOGIN}", f"POST {RESET}", f"DELETE {LOGIN}/1"]
    assert bmc.sessions == {}
    assert kept_sessions(executor) == []


def test_the_session_that_a_killed_executor_left_is_ended_before_anything_is_written(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        killed = on_the_line(executor, access)
        killed.__enter__()
        assert look(executor, access) == "on"
        assert list(bmc.sessions) == [f"{LOGIN}/1"], "who only reads ends nobody's session"
        bmc.requests.clear()
        assert power_off(executor, access)
        assert writes(bmc) == [
            f"POST {LOGIN}",
            f"DELETE {LOGIN}/1",
            f"POST {RESET}",
            f"DELETE {LOGIN}/3",
        ]
        assert kept_sessions(executor) == []


def test_a_session_that_is_gone_already_is_no_hindrance(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        killed = on_the_line(executor, access)
        killed.__enter__()
        bmc.sessions.clear()
        assert power_off(executor, access)
    assert kept_sessions(executor) == []


def test_nothing_is_written_while_the_predecessors_session_may_be_open(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        killed = on_the_line(executor, access)
        killed.__enter__()
        bmc.hiccups += [Hiccup(f"DELETE {LOGIN}/1", 500)] * 9
        with pytest.raises(HardwareBusyError) as caught:
            power_off(executor, access)
    assert caught.value.reason == "BMC_BUSY"
    assert bmc.writes == []
    assert kept_sessions(executor) == [f"{LOGIN}/1"]


def test_a_session_that_could_not_be_ended_is_left_to_the_next(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    bmc.hiccups.append(Hiccup(f"DELETE {LOGIN}/1", 500))
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        assert look(executor, access) == "on"
        assert kept_sessions(executor) == [f"{LOGIN}/1"]
        assert power_off(executor, access)
    assert (bmc.sessions, kept_sessions(executor)) == ({}, [])


def test_no_token_is_kept_and_no_one_else_reads_the_folder(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        with on_the_line(executor, access):
            assert kept_sessions(executor) == [f"{LOGIN}/1"]
            folder = executor.settings.state_folder / "sessions" / "server-1"
            assert folder.stat().st_mode & 0o777 == 0o700


def test_a_session_that_expires_is_opened_anew_and_the_request_repeated(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    with serving(bmc.app) as address:
        with on_the_line(executor, bmc_access(executor.keys, address)) as line:
            for _ in range(2):
                bmc.sessions.clear()
                line.post(RESET, FORCE_OFF, "switch it off")
                bmc.sessions.clear()
                assert line.get(SYSTEM)["PowerState"] == "Off"
        assert bmc.writes == ["ForceOff", "ForceOff"]
    assert (bmc.logins, bmc.sessions, kept_sessions(executor)) == (5, {}, [])


def test_wrong_credentials_are_tried_once(executor: Executor, bmc: ScriptedBmc) -> None:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address, password="wrong-one")
        with pytest.raises(HardwareError) as caught:
            look(executor, access)
    assert caught.value.reason == "BMC_CREDENTIALS_REFUSED"
    assert not caught.value.retryable
    assert bmc.requests == [f"GET {ROOT}/", f"POST {LOGIN}"]


def test_a_login_that_is_not_answered_is_tried_again_later(
    executor: Executor, bmc: ScriptedBmc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bmc_line, "WRITE_TIMEOUTS_S", (1.0, 0.1))
    bmc.writes_take_s = 1
    with serving(bmc.app) as address, pytest.raises(HardwareBusyError) as caught:
        look(executor, bmc_access(executor.keys, address))
    assert caught.value.reason == "BMC_UNREACHABLE"


def test_a_password_that_is_wrong_from_now_on_is_said_to_be(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    with (
        serving(bmc.app) as address,
        on_the_line(executor, bmc_access(executor.keys, address)) as line,
    ):
        bmc.sessions.clear()
        bmc.password = "another"
        with pytest.raises(HardwareError) as caught:
            line.post(RESET, FORCE_OFF, "switch it off")
    assert caught.value.reason == "BMC_CREDENTIALS_REFUSED"
    assert (bmc.logins, bmc.writes) == (2, [])


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501, 503])
def test_a_bmc_that_opens_no_session_is_spoken_to_without(
    executor: Executor, bmc: ScriptedBmc, status: int
) -> None:
    bmc.hiccups.append(Hiccup(f"POST {LOGIN}", status))
    with serving(bmc.app) as address:
        assert power_off(executor, bmc_access(executor.keys, address))
    assert (bmc.power, bmc.logins, bmc.sessions) == ("Off", 0, {})


def test_credentials_go_to_the_bmcs_own_address_only(executor: Executor) -> None:
    elsewhere: list[str] = []

    async def hears(request: web.Request) -> web.Response:
        elsewhere.append(request.path)
        return web.Response(status=404)

    listener = web.Application()
    listener.router.add_route("*", "/{path:.*}", hears)
    with serving(listener) as other:
        bmc = ScriptedBmc(login=f"{other}{LOGIN}")
        with serving(bmc.app) as address:
            assert look(executor, bmc_access(executor.keys, address)) == "on"
    assert elsewhere == []
    assert bmc.logins == 1


# Busy, cut off, paged


@pytest.mark.parametrize("line", [f"GET {SYSTEM}", f"POST {RESET}"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_bmc_that_asks_to_wait_a_little_is_waited_for(
    executor: Executor, line: str, status: int
) -> None:
    bmc = ScriptedBmc(hiccups=[Hiccup(line, status, {"Retry-After": "0"})] * 2)
    with serving(bmc.app) as address:
        assert power_off(executor, bmc_access(executor.keys, address))
    assert bmc.writes == ["ForceOff"]
    assert bmc.hiccups == []


def test_a_bmc_that_asks_to_wait_long_is_left_to_a_later_try(executor: Executor) -> None:
    bmc = ScriptedBmc(hiccups=[Hiccup(f"GET {SYSTEM}", 503, {"Retry-After": "3600"})] * 9)
    with serving(bmc.app) as address, pytest.raises(HardwareBusyError) as caught:
        look(executor, bmc_access(executor.keys, address))
    assert caught.value.reason == "BMC_BUSY"
    assert caught.value.details["retry_after_s"] == "3600"


def test_a_conflict_passes(executor: Executor) -> None:
    bmc = ScriptedBmc(hiccups=[Hiccup(f"POST {RESET}", 409)])
    with serving(bmc.app) as address:
        assert power_off(executor, bmc_access(executor.keys, address))
        bmc.hiccups += [Hiccup(f"GET {SYSTEM}", 409)]
        with pytest.raises(HardwareBusyError) as caught:
            look(executor, bmc_access(executor.keys, address))
    assert caught.value.reason == "BMC_BUSY"


def test_an_answer_that_was_cut_off_is_asked_for_once_more(executor: Executor) -> None:
    cut_off = Hiccup(f"GET {SYSTEM}", 200, body='{"@odata.id": "/redfish/v1/Sys')
    bmc = ScriptedBmc(hiccups=[cut_off])
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address).model_copy(update={"system": SYSTEM})
        assert look(executor, access) == "on"
        bmc.hiccups += [cut_off] * 2
        with pytest.raises(HardwareBusyError) as caught:
            look(executor, access)
        assert look(executor, access) == "on"
    assert caught.value.reason == "BMC_ANSWER_CUT_OFF"


def test_what_is_not_redfish_at_all_is_no_matter_of_waiting(executor: Executor) -> None:
    page = Hiccup(f"GET {SYSTEM}", 200, body="<html>please log in</html>")
    bmc = ScriptedBmc(hiccups=[page] * 2)
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address).model_copy(update={"system": SYSTEM})
        with pytest.raises(HardwareError) as caught:
            look(executor, access)
    assert (caught.value.reason, caught.value.retryable) == ("BMC_ANSWER_MALFORMED", False)


def test_a_part_that_is_cut_off_is_noted_and_can_be_asked_for_again(
    executor: Executor,
) -> None:
    bmc = ScriptedBmc(memory=True)
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        with on_the_line(executor, access) as line:
            bmc.hiccups += [Hiccup("Memory", 200, body='{"Members": [')] * 2
            assert line.get_if_offered(f"{SYSTEM}/Memory", "Memory") == {}
    assert line.notes == [f"Memory: cut off at {SYSTEM}/Memory"]
    assert [error.retryable for error in line.unread] == [True]


def test_a_bmc_that_says_it_is_busy_is_not_waited_for_in_vain(executor: Executor) -> None:
    """What it refused it won't do: it is told again at once, then by a later try."""
    bmc = ScriptedBmc(busy_writes=9)
    with serving(bmc.app) as address:
        patient = replace(HASTY, power_s=3600)
        with (
            on_the_line(executor, bmc_access(executor.keys, address), patience=patient) as line,
            pytest.raises(HardwareBusyError) as caught,
        ):
            switch_off(line, SYSTEM)
    assert caught.value.reason == "BMC_BUSY"
    assert bmc.writes == ["ForceOff"] * 2


def test_a_write_without_an_answer_leaves_a_trace(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    async def break_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_get(f"{ROOT}/", ScriptedBmc()._fixed({"Id": "r"}))
    app.router.add_post(RESET, break_off)
    with (
        serving(app) as address,
        on_the_line(executor, bmc_access(executor.keys, address), heard) as line,
        pytest.raises(HardwareBusyError),
    ):
        line.post(RESET, FORCE_OFF, "reset")
    [said] = [one for one in heard if "no answer" in one]
    assert said.startswith(f"POST {RESET} got no answer")
    [record] = [one for one in caplog.records if said in one.getMessage()]
    assert vars(record)["endpoint"] == address


@pytest.mark.parametrize("missing", [f"{ROOT}/Systems", "VirtualMedia", "VirtualMedia/CD1"])
def test_what_a_bmc_could_not_show_is_not_taken_for_missing(
    executor: Executor, missing: str
) -> None:
    bmc = ScriptedBmc(hiccups=[Hiccup(missing, 500)] * 2)
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        with pytest.raises(HardwareBusyError):
            power_off(executor, access)
        assert bmc.hiccups == []
        power_off(executor, access)
    assert bmc.power == "Off"


def test_a_part_of_the_inventory_that_is_busy_is_not_taken_for_missing(executor: Executor) -> None:
    bmc = ScriptedBmc(memory=True)
    with serving(bmc.app) as address:
        request = InspectServer(
            operation=OPERATION, fence=1, access=bmc_access(executor.keys, address)
        )
        bmc.hiccups += [Hiccup("Memory", 503)] * 2
        with pytest.raises(HardwareBusyError):
            executor.run(executor.redfish.inspect, request)
        bmc.hiccups += [Hiccup("Memory", 500)] * 2
        found = executor.run(executor.redfish.inspect, request)
    assert any("Memory: in error" in note for note in found.not_offered)


def test_a_bmc_that_is_gone_while_it_is_read_back_did_not_refuse(executor: Executor) -> None:
    bmc = ScriptedBmc(away_after_writes=True)
    with serving(bmc.app) as address, pytest.raises(HardwareBusyError) as caught:
        power_off(executor, bmc_access(executor.keys, address))
    assert caught.value.reason == "BMC_BUSY"


def test_all_pages_of_a_collection_are_read(executor: Executor) -> None:
    bmc = ScriptedBmc(pages=3)
    with serving(bmc.app) as address:
        assert look(executor, bmc_access(executor.keys, address)) == "on"
    asked = [line for line in bmc.requests if line.startswith(f"GET {ROOT}/Systems")]
    assert asked[:3] == [f"GET {ROOT}/Systems{page}" for page in ("", "?page=2", "?page=3")]


@pytest.mark.parametrize(("pages", "last_page", "most"), [(2, "2", 2), (1000, "", 100)])
def test_pages_without_end_are_noticed(
    executor: Executor, pages: int, last_page: str, most: int
) -> None:
    bmc = ScriptedBmc(pages=pages, last_page=last_page)
    with (
        serving(bmc.app) as address,
        on_the_line(executor, bmc_access(executor.keys, address)) as line,
    ):
        list(line.member_paths(f"{ROOT}/Systems", "Systems"))
        assert any("the pages have no end" in note for note in line.notes)
    asked = [request for request in bmc.requests if request.startswith(f"GET {ROOT}/Systems")]
    assert len(asked) == most
