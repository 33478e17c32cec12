"""Tokens that name unknown keys have iam asked once in a while, however many they are."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from api import token_keys
from api.token_keys import ASKED_AGAIN_AFTER_S, GOOD_S, WHILE_AWAY_S, PublishedKeys
from mulligan.iam.keys import PublicKey
from mulligan.values.errors import UnavailableError

MADE = datetime(2027, 3, 1, tzinfo=UTC)


def a_key(identity: str) -> PublicKey:
    return PublicKey(identity, f"public {identity}", MADE, MADE)


@dataclass
class Iam:
    """What iam publishes, how often it was asked, and the time."""

    keys: dict[str, PublicKey] = field(default_factory=lambda: {"key-1": a_key("key-1")})
    asked: int = 0
    now: float = 100.0
    down: bool = False

    async def ask(self) -> Mapping[str, PublicKey]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise UnavailableError("iam does not answer")
        return dict(self.keys)

    def published(self) -> PublishedKeys:
        return PublishedKeys(self.ask, lambda: self.now)


async def test_forged_keys_have_iam_asked_once_in_a_while() -> None:
    iam = Iam()
    keys = iam.published()
    for number in range(100):
        assert f"forged-{number}" not in await keys(f"forged-{number}")
    assert iam.asked == 1
    iam.now += ASKED_AGAIN_AFTER_S
    await keys("forged")
    assert iam.asked == 2
    assert (await keys("key-1"))["key-1"].pem == "public key-1"
    assert iam.asked == 2


async def test_requests_that_come_together_wait_for_one_answer() -> None:
    iam = Iam()
    keys = iam.published()
    found = await asyncio.gather(*(keys("key-1") for _ in range(20)))
    assert all(one["key-1"].pem == "public key-1" for one in found)
    assert iam.asked == 1


async def test_a_key_that_iam_made_meanwhile_is_found_in_time() -> None:
    iam = Iam()
    keys = iam.published()
    await keys("key-1")
    iam.keys["key-2"] = a_key("key-2")
    iam.now += ASKED_AGAIN_AFTER_S
    assert set(await keys("key-2")) == {"key-1", "key-2"}


async def test_while_iam_is_down_unknown_keys_say_so_and_known_ones_work() -> None:
    iam = Iam()
    keys = iam.published()
    await keys("key-1")
    iam.down = True
    iam.now += ASKED_AGAIN_AFTER_S
    for _ in range(10):
        with pytest.raises(UnavailableError):
            await keys("key-2")
    assert iam.asked == 2
    assert "key-1" in await keys("key-1")
    iam.down, iam.keys["key-2"] = False, a_key("key-2")
    iam.now += ASKED_AGAIN_AFTER_S
    assert "key-2" in await keys("key-2")


async def test_that_a_known_key_retires_is_learnt_within_the_life_of_a_token() -> None:
    iam = Iam()
    keys = iam.published()
    await keys("key-1")
    iam.keys["key-1"] = replace(a_key("key-1"), retires_at=MADE)
    iam.now += GOOD_S - 1
    assert (await keys("key-1"))["key-1"].retires_at is None
    iam.now += 1
    iam.down = True
    for _ in range(3):
        assert (await keys("key-1"))["key-1"].retires_at is None
    assert iam.asked == 2
    iam.down = False
    iam.now += WHILE_AWAY_S
    found = await asyncio.gather(*(keys("key-1") for _ in range(20)))
    assert iam.asked == 3
    assert found[0]["key-1"].retires_at == MADE


@dataclass
class Site:
    """What a site keeps of the keys."""

    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def kept(self) -> Mapping[str, PublicKey]:
        return self.keys

    async def keep(self, keys: Mapping[str, PublicKey]) -> None:
        self.keys = keys
        self.told.set()


async def test_a_service_that_starts_while_iam_is_down_knows_the_keys_of_its_site() -> None:
    iam, site = Iam(), Site()
    await PublishedKeys(iam.ask, lambda: iam.now, kept=site.kept, keep=site.keep)("key-1")
    iam.down = True
    restarted = PublishedKeys(iam.ask, lambda: iam.now, kept=site.kept, keep=site.keep)
    assert set(await restarted("key-1")) == {"key-1"}
    with pytest.raises(UnavailableError):
        await restarted("key-2")
    iam.down, iam.keys = False, {"key-2": a_key("key-2")}
    iam.now += ASKED_AGAIN_AFTER_S
    assert set(await restarted("key-2")) == {"key-2"} == set(site.keys)


async def test_a_key_that_iam_made_is_known_before_a_token_names_it() -> None:
    iam, site, made = Iam({"key-1": a_key("key-1")}), Site(), asyncio.Event()
    keys = PublishedKeys(iam.ask, lambda: iam.now, kept=site.kept, keep=site.keep)
    await keys("key-1")
    renewing = asyncio.create_task(keys.renew_when(made))
    iam.keys["key-2"] = a_key("key-2")
    site.told.clear()
    made.set()
    async with asyncio.timeout(30):
        await site.told.wait()
    iam.down = True
    assert set(await keys("key-2")) == {"key-1", "key-2"}
    renewing.cancel()


async def test_a_key_that_iam_did_not_tell_at_first_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(token_keys, "ASKED_AGAIN_AFTER_S", 0)
    iam, site, made = Iam(), Site(), asyncio.Event()

    async def ask() -> Mapping[str, PublicKey]:
        iam.down = iam.asked < 3
        return await iam.ask()

    keys = PublishedKeys(ask, lambda: iam.now, kept=site.kept, keep=site.keep)
    renewing = asyncio.create_task(keys.renew_when(made))
    made.set()
    async with asyncio.timeout(30):
        await site.told.wait()
    assert (iam.asked, set(site.keys)) == (4, {"key-1"})
    renewing.cancel()
