"""Where the interceptor gets iam's published keys from, to check tokens offline."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import grpc
from sqlalchemy.exc import IntegrityError

from api.interceptor import KeySource
from api.messages import time_of
from mulligan.database import Database
from mulligan.failures import Failures
from mulligan.iam import keys
from mulligan.iam.keys import PublicKey
from mulligan.values.errors import MulliganError, UnavailableError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2, iam_pb2_grpc
from mulligan_client.transport import Target

ANSWER_WITHIN_S = 5

ASKED_AGAIN_AFTER_S = 3.0
"""How often unknown keys may have iam asked: a token can name any key, also one that is made up."""

GOOD_S = keys.LIFETIME.total_seconds()
"""An answer that is older is asked for anew: one of its keys may be about to retire."""

WHILE_AWAY_S = 60.0
"""How often that is tried while iam does not answer; what is known goes on being good."""

_log = logging.getLogger(__name__)


class PublishedKeys:
    """iam's keys as they are known here; `ask` reads them, at most once in a while.

    `kept` gives what was known before this process began, for when iam does not answer it; `keep`
    is told what iam answered.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[Mapping[str, PublicKey]]],
        clock: Callable[[], float] = time.monotonic,
        *,
        kept: Callable[[], Awaitable[Mapping[str, PublicKey]]] | None = None,
        keep: Callable[[Mapping[str, PublicKey]], Awaitable[None]] | None = None,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._kept, self._keep = kept, keep
        self._known: Mapping[str, PublicKey] = {}
        self._asks_again_at = self._good_until = clock()
        self._failure: UnavailableError | None = None
        self._asking = asyncio.Lock()

    async def __call__(self, key_id: str) -> Mapping[str, PublicKey]:
        """Give the known keys, asking for them when this one is not among them.

        An answer that is old is asked for anew, by one caller while the others go on with it.

        Raises:
            UnavailableError: iam did not answer, now or a moment ago.
        """
        if key_id in self._known and (self._is_good() or self._asking.locked()):
            return self._known
        async with self._asking:
            wanted = key_id not in self._known or not self._is_good()
            if wanted and self._clock() >= self._asks_again_at:
                await self._renew()
        if key_id not in self._known and self._failure is not None:
            raise self._failure
        return self._known

    async def renew_when(self, made: asyncio.Event) -> None:
        """Ask for the keys when iam has made one, so that they are known before it signs with it.

        If iam goes away after that, its last tokens are good here until they end.
        """
        failures = Failures(_log, "iam's new keys can't be read, tries again")
        while True:
            await made.wait()
            made.clear()
            try:
                async with self._asking:
                    await self._renew()
                if self._failure:
                    raise self._failure
                failures.are_over()
            except Exception as error:  # Whatever it is, the next key must not be missed.
                failures.note(error)
                await asyncio.sleep(ASKED_AGAIN_AFTER_S)
                made.set()

    def _is_good(self) -> bool:
        return self._clock() < self._good_until

    async def _renew(self) -> None:
        self._failure, good_s = None, GOOD_S
        try:
            self._known = await self._ask()
        except UnavailableError as error:
            self._failure, good_s = error, WHILE_AWAY_S
            if not self._known and self._kept:
                self._known = await self._kept()
        else:
            if self._keep:
                await self._keep(self._known)
        self._asks_again_at = self._clock() + ASKED_AGAIN_AFTER_S
        self._good_until = self._clock() + good_s


@asynccontextmanager
async def published_keys(
    iam_address: str,
    installation: Database | None,
    site: Database,
    made: asyncio.Event,
    ca: bytes | None = None,
) -> AsyncIterator[KeySource]:
    """Keep iam's keys, asking again when it made one, or a token names one that isn't among them.

    Args:
        iam_address: host:port of iam, with TLS unless it is this machine or stands behind http://.
        installation: iam's database, read instead where it runs in this process.
        site: where the keys are kept for a start while iam is away.
        made: is set when iam has made one.
        ca: PEM of the CA of iam's certificate; None for the system's.
    """
    if installation is not None:
        yield PublishedKeys(partial(asyncio.to_thread, installation.read, _own))
        return

    async def keep(answered: Mapping[str, PublicKey]) -> None:
        values = answered.values()
        try:
            await asyncio.to_thread(site.write, lambda on: keys.keep_published(on, values))
        except IntegrityError:
            pass  # Another process of the site has kept the same ones at the same time.
        except MulliganError as error:
            # They are known; that they are not kept matters at a start without iam only.
            _log.warning("iam's keys were not kept: %s", error.message)

    async with _channel(iam_address, ca) as channel:
        stub: Any = iam_pb2_grpc.IamServiceStub(channel)
        published = PublishedKeys(
            lambda: _ask(stub, iam_address),
            kept=lambda: asyncio.to_thread(site.read, keys.kept_published),
            keep=keep,
        )
        renewing = asyncio.create_task(published.renew_when(made), name="token keys")
        try:
            yield published
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)


def _own(session: Any) -> Mapping[str, PublicKey]:
    return keys.public_keys(session, datetime.now(UTC))


def _channel(address: str, ca: bytes | None) -> grpc.aio.Channel:
    target = Target.parse(address)
    if target.tls:
        return grpc.aio.secure_channel(str(target), grpc.ssl_channel_credentials(ca))
    return grpc.aio.insecure_channel(str(target))


async def _ask(stub: Any, iam_address: str) -> Mapping[str, PublicKey]:
    try:
        answer = await stub.ListTokenKeys(iam_pb2.ListTokenKeysRequest(), timeout=ANSWER_WITHIN_S)
    except grpc.RpcError as error:
        raise UnavailableError(
            f"iam at {iam_address} did not give the keys that check the token; look whether "
            "`mulligan serve iam` runs, then try again"
        ) from error
    return {
        key.key_id: PublicKey(
            key.key_id,
            key.public_key,
            time_of(key.created_at),
            time_of(key.signs_at),
            time_of(key.retires_at) if key.HasField("retires_at") else None,
        )
        for key in answer.keys
    }
