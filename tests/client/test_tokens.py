"""Tokens are renewed before they end, once, whoever asks; and a watch goes on across it."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.store import Login, LoginKeeper, Store
from mulligan_client.tokens import AGAIN_AFTER_S, SignIn, Tokens
from tests.client.fake_mulligan import FakeMulligan, RefusalError, an_event

LIFE_S = 900
EXPIRED = RefusalError("UNAUTHENTICATED", "TOKEN_EXPIRED", "the token is expired")
REVOKED = RefusalError(
    "UNAUTHENTICATED", "SESSION_REVOKED", "signed out: it was revoked; sign in again with ..."
)
AWAY = RefusalError("UNAVAILABLE", "UNAVAILABLE", "iam is away")
LIST = iam_pb2.ListRegionsRequest()


class Clock:
    """The time, as told."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def signed_in(number: int) -> iam_pb2.SignedIn:
    answer = iam_pb2.SignedIn(access_token=f"access-{number}", refresh_token=f"refresh-{number}")
    answer.lifetime.FromSeconds(LIFE_S)
    return answer


def next_of(request: iam_pb2.RefreshTokenRequest) -> iam_pb2.SignedIn:
    return signed_in(int(request.refresh_token.rpartition("-")[2]) + 1)


@pytest.fixture
def clock(fake: FakeMulligan) -> Clock:
    """Time, and a server that renews."""
    fake.on("RefreshToken", next_of)
    return Clock()


@pytest.fixture
def client(fake: FakeMulligan, clock: Clock) -> Any:
    with a_client(fake, SignIn(clock=clock)) as found:
        found.sign_in.take(signed_in(1))
        yield found


def a_client(fake: FakeMulligan, sign_in: SignIn) -> Client:
    return Client(fake.address, sign_in=sign_in, pause=lambda _: None)


def tokens_of(fake: FakeMulligan, method: str) -> list[str]:
    calls = [call for call in fake.calls if call.method == method]
    return [str(call.metadata.get("authorization", "")) for call in calls]


def test_a_token_is_renewed_before_it_ends(
    fake: FakeMulligan, client: Client, clock: Clock
) -> None:
    client.iam.ListRegions(LIST)
    clock.now += LIFE_S * 0.7
    for _ in range(2):
        client.iam.ListRegions(LIST)
    assert tokens_of(fake, "ListRegions") == ["Bearer access-1"] + 2 * ["Bearer access-2"]
    assert tokens_of(fake, "RefreshToken") == [""]


def test_a_token_that_ended_is_renewed_and_the_call_made_again(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on("CreateRegion", EXPIRED, iam_pb2.Region())
    client.iam.CreateRegion(iam_pb2.CreateRegionRequest(name="here"))
    first, second = fake.asked("CreateRegion")
    assert first == second
    assert tokens_of(fake, "CreateRegion") == ["Bearer access-1", "Bearer access-2"]


def test_a_new_token_that_is_refused_too_is_not_renewed_for_ever(
    fake: FakeMulligan, client: Client
) -> None:
    fake.on("ListRegions", EXPIRED)
    with pytest.raises(MulliganCallError):
        client.iam.ListRegions(LIST)
    assert len(fake.asked("RefreshToken")) == 1


def test_an_error_of_a_renewal_says_so(fake: FakeMulligan, client: Client) -> None:
    fake.on("ListHosts", EXPIRED)
    fake.on("RefreshToken", AWAY)
    with pytest.raises(MulliganCallError) as raised:
        client.control.ListHosts(control_pb2.ListHostsRequest())
    assert raised.value.of_renewal


def test_a_token_alone_ends(fake: FakeMulligan, client: Client) -> None:
    client.token = "alone"
    fake.on("ListRegions", EXPIRED)
    with pytest.raises(MulliganCallError) as raised:
        client.iam.ListRegions(LIST)
    assert raised.value.code == "TOKEN_EXPIRED"
    assert fake.asked("RefreshToken") == []


def test_while_iam_is_away_the_token_is_used_until_it_ends(
    fake: FakeMulligan, client: Client, clock: Clock
) -> None:
    fake.on("RefreshToken", AWAY)
    clock.now += LIFE_S * 0.7
    for _ in range(2):
        client.iam.ListRegions(LIST)
    tried = fake.asked("RefreshToken")
    assert len({one.request_id for one in tried}) == 1
    clock.now += AGAIN_AFTER_S
    fake.on("RefreshToken", next_of)
    client.iam.ListRegions(LIST)
    again = fake.asked("RefreshToken")[len(tried) :]
    assert again == tried[:1]
    assert tokens_of(fake, "ListRegions")[-1] == "Bearer access-2"


def test_who_is_signed_out_is_told_so(fake: FakeMulligan, client: Client, clock: Clock) -> None:
    fake.on("RefreshToken", REVOKED)
    clock.now += LIFE_S
    with pytest.raises(MulliganCallError) as raised:
        client.iam.ListRegions(LIST)
    assert (raised.value.code, raised.value.message) == ("SESSION_REVOKED", REVOKED.message)
    fake.on("Login", signed_in(7))
    client.log_in("ann", "password")
    client.iam.ListRegions(LIST)
    assert tokens_of(fake, "ListRegions") == ["Bearer access-7"]


def test_a_refresh_token_that_is_over_is_not_sent_again(
    fake: FakeMulligan, client: Client, clock: Clock
) -> None:
    fake.on("RefreshToken", REVOKED)
    clock.now += LIFE_S * 0.7
    with pytest.raises(MulliganCallError):
        client.iam.ListRegions(LIST)
    for _ in range(2):
        client.iam.ListRegions(LIST)
    assert len(fake.asked("RefreshToken")) == 1
    assert tokens_of(fake, "ListRegions") == 2 * ["Bearer access-1"]


def test_many_threads_renew_once(fake: FakeMulligan, client: Client, clock: Clock) -> None:
    clock.now += LIFE_S
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: client.iam.ListRegions(LIST), range(16)))
    assert len(fake.asked("RefreshToken")) == 1
    assert set(tokens_of(fake, "ListRegions")) == {"Bearer access-2"}


# Processes


class HeardLock:
    """A lock that tells when somebody waits for it."""

    def __init__(self) -> None:
        self._lock, self.is_waited_for = threading.Lock(), threading.Event()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self.is_waited_for.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_who_waited_for_a_renewal_that_failed_does_not_wait_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sign_in, lock, asked = SignIn(Tokens("access-1", "refresh-1")), HeardLock(), list[str]()
    monkeypatch.setattr(sign_in, "_renewing", lock)

    def ask(_: str, request_id: str) -> iam_pb2.SignedIn:
        asked.append(request_id)
        assert lock.is_waited_for.wait(10)
        raise MulliganCallError("UNAVAILABLE", "UNAVAILABLE", "iam is away")

    with ThreadPoolExecutor(2) as threads:
        renewals = [threads.submit(sign_in.renew, "access-1", ask) for _ in range(2)]
        assert [str(one.exception(10)) for one in renewals] == ["iam is away"] * 2
    assert len(asked) == 1
    assert sign_in.renew("access-1", lambda *_: signed_in(2)), "who comes later asks anew"


def stored(fake: FakeMulligan, folder: Path, clock: Clock) -> Store:
    store = Store(folder)
    tokens = Tokens.of(signed_in(1), clock.now)
    store.write(Login(fake.address, account="ann", project="p").with_tokens(tokens))
    return store


def process(fake: FakeMulligan, store: Store, clock: Clock) -> Client:
    """What a process that reads the login makes of it."""
    login = store.read()
    return a_client(fake, SignIn(login.tokens, keeper=LoginKeeper(store, login), clock=clock))


def test_processes_renew_once_and_keep_it_for_each_other(
    fake: FakeMulligan, tmp_path: Path, clock: Clock
) -> None:
    store = stored(fake, tmp_path, clock)
    clock.now += LIFE_S
    asked, go_on = threading.Event(), threading.Event()

    def slowly(request: iam_pb2.RefreshTokenRequest) -> iam_pb2.SignedIn:
        asked.set()
        assert go_on.wait(20)
        return next_of(request)

    fake.on("RefreshToken", slowly)
    with (
        process(fake, store, clock) as one,
        process(fake, store, clock) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        calls = [threads.submit(one.iam.ListRegions, LIST)]
        assert asked.wait(20)
        calls.append(threads.submit(other.iam.ListRegions, LIST))
        go_on.set()
        assert [call.result(20) for call in calls]
    assert len(fake.asked("RefreshToken")) == 1
    assert set(tokens_of(fake, "ListRegions")) == {"Bearer access-2"}
    kept = store.read()
    assert (kept.tokens.access, kept.tokens.refresh, kept.project) == ("access-2", "refresh-2", "p")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_renewal_whose_answer_was_lost_with_its_process_is_asked_again(
    fake: FakeMulligan, tmp_path: Path, clock: Clock
) -> None:
    store = stored(fake, tmp_path, clock)
    clock.now += LIFE_S
    fake.on("RefreshToken", AWAY)
    fake.on("ListRegions", EXPIRED)
    with process(fake, store, clock) as dies, pytest.raises(MulliganCallError):
        dies.iam.ListRegions(LIST)
    fake.on("RefreshToken", next_of)
    fake.on("ListRegions", iam_pb2.ListRegionsResponse())
    clock.now += AGAIN_AFTER_S
    with process(fake, store, clock) as following:
        following.iam.ListRegions(LIST)
    assert len({one.request_id for one in fake.asked("RefreshToken")}) == 1
    assert store.read().tokens.request_id == ""


def test_a_renewal_that_nobody_answers_is_put_off_for_all_processes(
    fake: FakeMulligan, tmp_path: Path, clock: Clock
) -> None:
    store = stored(fake, tmp_path, clock)
    fake.on("RefreshToken", AWAY)
    with process(fake, store, clock) as one, process(fake, store, clock) as other:
        clock.now += LIFE_S * 0.7
        one.iam.ListRegions(LIST)
        tried = len(fake.asked("RefreshToken"))
        other.iam.ListRegions(LIST)
    assert len(fake.asked("RefreshToken")) == tried
    assert store.read().tokens.renew_at == clock.now + AGAIN_AFTER_S


def test_tokens_that_can_not_be_kept_are_not_asked_for(
    fake: FakeMulligan, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(fake, tmp_path, clock)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Store, "write", full)
    with process(fake, store, clock) as client:
        clock.now += LIFE_S * 0.7
        client.iam.ListRegions(LIST)
        fake.on("ListRegions", EXPIRED)
        with pytest.raises(MulliganCallError) as raised:
            client.iam.ListRegions(LIST)
    assert raised.value.code == "TOKEN_EXPIRED"
    assert fake.asked("RefreshToken") == []


def test_who_logged_in_elsewhere_meanwhile_stays_there(
    fake: FakeMulligan, tmp_path: Path, clock: Clock
) -> None:
    store = stored(fake, tmp_path, clock)
    with process(fake, store, clock) as before:
        elsewhere = Login("elsewhere:1", token="other", account="ann")
        store.write(elsewhere)
        clock.now += LIFE_S
        before.iam.ListRegions(LIST)
    assert store.read() == elsewhere


# Streams


def test_a_watch_goes_on_across_the_end_of_its_token(fake: FakeMulligan, client: Client) -> None:
    ended = RefusalError("UNAUTHENTICATED", "TOKEN_EXPIRED", "expired", {"revision": "40"})
    fake.on("Watch", [ended], [an_event(41), EXPIRED], [an_event(42)])
    watched = client.watch()
    assert [next(watched).revision for _ in range(2)] == [41, 42]
    asked = fake.asked("Watch")
    assert not asked[0].HasField("after_revision")
    assert [one.after_revision for one in asked[1:]] == [40, 41]
    assert tokens_of(fake, "Watch") == [f"Bearer access-{number}" for number in (1, 2, 3)]


def test_a_watch_of_somebody_who_was_signed_out_ends(fake: FakeMulligan, client: Client) -> None:
    fake.on("Watch", [EXPIRED])
    fake.on("RefreshToken", REVOKED)
    with pytest.raises(MulliganCallError) as raised:
        next(client.watch())
    assert raised.value.code == "SESSION_REVOKED"


def test_candidates_are_proposed_to_a_renewed_token(fake: FakeMulligan, client: Client) -> None:
    fake.on("ProposeCandidates", [EXPIRED], [resource_pb2.Candidate()])
    assert len(client.propose(resource_pb2.ProposeCandidatesRequest())) == 1
    assert tokens_of(fake, "ProposeCandidates") == ["Bearer access-1", "Bearer access-2"]


def test_a_call_without_any_token_says_so_as_before(fake: FakeMulligan) -> None:
    fake.on("ListHosts", EXPIRED)
    with a_client(fake, SignIn()) as nobody, pytest.raises(MulliganCallError):
        nobody.control.ListHosts(control_pb2.ListHostsRequest())
    assert fake.asked("RefreshToken") == []
