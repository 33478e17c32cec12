"""More instances of services, beside those of a site and on its databases."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api.server import Backends, running_server
from deploy.dev_server import DevServer
from mulligan import events
from mulligan.database import Database
from mulligan.iam import bootstrap
from tests.fakes.site import Site

LIMIT_S = 60


@contextmanager
def instance(
    site: str,
    installation: str,
    services: Sequence[str] = ("iam", "meta"),
    temporal: DevServer | None = None,
    **options: Any,
) -> Iterator[str]:
    """Serve from databases (URLs) in a thread of its own; gives the address.

    Without Temporal resource and control are not served.
    """
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    databases = [Database(url) for url in (site, installation)]
    ports: list[int] = []

    async def serve() -> None:
        backends = Backends(databases[0], databases[1], await connected(temporal), "")
        running = running_server(services, backends, listen="127.0.0.1:0", **options)
        async with running as port:
            ports.append(port)
            ready.set()
            await stop.wait()

    for database in databases:
        events.record(database)
    databases[1].write(bootstrap.prepare)
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(LIMIT_S)
        yield f"127.0.0.1:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(LIMIT_S)
        for database in databases:
            database.close()


async def connected(temporal: DevServer | None) -> Client | None:
    if temporal is None:
        return None
    namespace, converter = temporal.namespace, pydantic_data_converter
    return await Client.connect(temporal.address, namespace=namespace, data_converter=converter)


@contextmanager
def beside(site: Site, services: Sequence[str] = ("iam", "meta"), **options: Any) -> Iterator[str]:
    """Serve from a site's databases, too; gives the address."""
    urls = [
        one.url.render_as_string(hide_password=False) for one in (site.database, site.installation)
    ]
    with instance(urls[0], urls[1], services, site.temporal, **options) as address:
        yield address
