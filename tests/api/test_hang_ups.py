"""Who hangs up while an answer is on its way is nothing to look into."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from api.server import new_server
from tests.fakes.log import faults

LIMIT_S = 30


class Open(grpc.aio.ServerInterceptor):
    """Lets all calls through, to what answers without end."""

    def __init__(self) -> None:
        self.ended = asyncio.Semaphore(0)

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        answer = self._answers if details.method == "/test.Test/Answers" else self._fails
        return grpc.unary_stream_rpc_method_handler(answer)

    async def _answers(self, request: Any, context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1_000_000)
        finally:
            self.ended.release()

    async def _fails(self, request: Any, context: Any) -> AsyncIterator[bytes]:
        yield b""
        raise LookupError("a mistake of ours")


def test_a_hang_up_is_not_logged_and_a_mistake_is() -> None:
    async def heard_of(method: str, *, calls: int) -> list[str]:
        gate = Open()
        server = new_server(gate, share_port=False)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        with faults() as heard:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                for _ in range(calls):
                    begin: Any = channel.unary_stream(f"/test.Test/{method}")
                    call = begin(b"")
                    await call.read()
                    if method == "Answers":
                        call.cancel()
                        async with asyncio.timeout(LIMIT_S):
                            await gate.ended.acquire()
                    else:
                        assert await call.code() is grpc.StatusCode.UNKNOWN
            await server.stop(None)
        return heard.found

    assert asyncio.run(heard_of("Answers", calls=30)) == []
    [mistake] = asyncio.run(heard_of("Fails", calls=1))
    assert "a mistake of ours" in mistake
