"""Where the interceptor gets iam's published keys from, to check tokens offline."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc

from api.interceptor import KeySource
from mulligan.database import Database
from mulligan.iam import tokens
from mulligan.values.errors import UnavailableError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2, iam_pb2_grpc

ANSWER_WITHIN_S = 5


@asynccontextmanager
async def published_keys(
    iam_address: str, installation: Database, ca: bytes | None = None
) -> AsyncIterator[KeySource]:
    """Keep iam's keys, asking again when a token names one that isn't among them.

    Args:
        iam_address: host:port or https://host:port of iam; empty: it runs in this process.
        installation: iam's database, read when it runs in this process.
        ca: PEM of the CA of iam's certificate; None for the system's.
    """
    known: dict[str, str] = {}
    if not iam_address:

        async def own(key_id: str) -> Mapping[str, str]:
            if key_id not in known:
                known.update(await asyncio.to_thread(installation.read, tokens.public_keys))
            return known

        yield own
        return
    async with _channel(iam_address, ca) as channel:
        stub: Any = iam_pb2_grpc.IamServiceStub(channel)

        async def asked(key_id: str) -> Mapping[str, str]:
            if key_id not in known:
                known.update(await _ask(stub, iam_address))
            return known

        yield asked


def _channel(address: str, ca: bytes | None) -> grpc.aio.Channel:
    scheme, _, target = address.rpartition("://")
    if scheme in ("https", "grpcs"):
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(ca))
    return grpc.aio.insecure_channel(target)


async def _ask(stub: Any, iam_address: str) -> Mapping[str, str]:
    try:
        answer = await stub.ListTokenKeys(iam_pb2.ListTokenKeysRequest(), timeout=ANSWER_WITHIN_S)
    except grpc.RpcError as error:
        raise UnavailableError(
            f"iam at {iam_address} did not give the keys that check the token; look whether "
            "`mulligan serve iam` runs, then try again"
        ) from error
    return {key.key_id: key.public_key for key in answer.keys}
