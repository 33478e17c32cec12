"""The Temporal dev server keeps what it was given, and is nobody else's."""

import asyncio
import os
import signal
import socket
import sys
import textwrap
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, WorkflowExecutionStatus

from deploy import dev_server, namespace, temporal
from deploy.dev_server import DevServer
from mulligan.values.errors import FailedPreconditionError, UnavailableError


@pytest.fixture(scope="session")
def command() -> Path:
    return temporal.find_temporal(temporal.cache_folder(os.environ))


@pytest.fixture
def server(command: Path, tmp_path: Path) -> DevServer:
    return DevServer(command, tmp_path / "temporal.db", log=tmp_path / "temporal.log")


async def start_workflow(server: DevServer, workflow_id: str) -> None:
    client = await Client.connect(server.address, namespace=server.namespace)
    await client.start_workflow("Nothing", id=workflow_id, task_queue="nobody")


async def status_of(server: DevServer, workflow_id: str) -> WorkflowExecutionStatus | None:
    client = await Client.connect(server.address, namespace=server.namespace)
    return (await client.get_workflow_handle(workflow_id).describe()).status


async def attributes_of(server: DevServer) -> set[str]:
    client = await Client.connect(server.address, namespace=server.namespace)
    request = ListSearchAttributesRequest(namespace=server.namespace)
    return set((await client.operator_service.list_search_attributes(request)).custom_attributes)


class TestTheServer:
    async def test_has_the_namespace_and_the_search_attributes_when_it_is_up(
        self, server: DevServer
    ) -> None:
        async with server:
            assert await attributes_of(server) == set(namespace.SEARCH_ATTRIBUTES)

    async def test_keeps_a_workflow_over_a_restart_on_the_same_file(
        self, server: DevServer
    ) -> None:
        async with server:
            await start_workflow(server, "kept")
        async with server:
            assert await status_of(server, "kept") is WorkflowExecutionStatus.RUNNING

    async def test_gives_a_file_of_an_earlier_release_the_new_attributes(
        self, server: DevServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def prepare_here(_module: str, address: str, name: str) -> None:
            await namespace.prepare(address, name)

        with monkeypatch.context() as earlier:
            earlier.setattr(namespace, "SEARCH_ATTRIBUTES", ("MulliganProject",))
            earlier.setattr(dev_server, "run_apart", prepare_here)
            async with server:
                assert await attributes_of(server) == {"MulliganProject"}
        async with server:
            assert await attributes_of(server) == set(namespace.SEARCH_ATTRIBUTES)

    async def test_two_live_beside_each_other(self, command: Path, tmp_path: Path) -> None:
        one, two = (
            DevServer(command, tmp_path / name, log=tmp_path / f"{name}.log")
            for name in ("one", "two")
        )
        await asyncio.gather(one.start(), two.start())
        try:
            assert len({one.port, one.ui_port, two.port, two.ui_port}) == 4
            await start_workflow(one, "in-one")
            await start_workflow(two, "in-two")
        finally:
            await asyncio.gather(one.stop(), two.stop())

    async def test_refuses_a_file_that_another_server_uses(
        self, server: DevServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dev_server, "HAND_OVER_LIMIT_S", 0.1)
        async with server:
            second = DevServer(server.command, server.database, log=tmp_path / "second.log")
            with pytest.raises(FailedPreconditionError, match="Another Temporal dev server"):
                await second.start()
            assert await attributes_of(server)

    async def test_refuses_a_port_that_is_taken_and_names_it(
        self, command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dev_server, "HAND_OVER_LIMIT_S", 0.1)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            server = DevServer(command, tmp_path / "db", log=tmp_path / "log", port=port)
            with pytest.raises(FailedPreconditionError, match=f"Port {port} for Temporal"):
                await server.start()

    async def test_that_can_not_start_gives_its_last_words(
        self, command: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "db").write_text("this is not a database, however long one looks at it")
        server = DevServer(command, tmp_path / "db", log=tmp_path / "log")
        with pytest.raises(UnavailableError, match="not a database"):
            await server.start()

    async def test_ends_with_a_process_that_is_killed_and_lets_go_of_the_file(
        self, server: DevServer
    ) -> None:
        program = f"""
            import asyncio, sys
            from pathlib import Path
            from deploy.dev_server import DevServer
            async def main():
                async with DevServer(Path({str(server.command)!r}), Path({str(server.database)!r}),
                                     log=Path({str(server.log)!r})) as server:
                    print(server.port, flush=True)
                    await server.wait()
            asyncio.run(main())
        """
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(program), stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        server.port = int(await parent.stdout.readline())
        await start_workflow(server, "survives")
        parent.send_signal(signal.SIGKILL)
        await parent.wait()
        async with server:  # the same port and the same file
            assert await status_of(server, "survives") is WorkflowExecutionStatus.RUNNING

    async def test_leaves_nothing_running_when_it_is_stopped(self, server: DevServer) -> None:
        await server.start()
        ended = asyncio.create_task(server.wait())
        await asyncio.sleep(0)
        await server.stop()
        assert await ended == 0
        await server.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
