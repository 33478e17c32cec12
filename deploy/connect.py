"""A client of Temporal, as all parts of Mulligan use it."""

import asyncio
import logging

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.settings import Settings

_log = logging.getLogger(__name__)


async def connect(settings: Settings) -> Client:
    """Connect to Temporal, waiting for it as long as it takes."""
    told = False
    while True:
        try:
            return await Client.connect(
                settings.temporal_address,
                namespace=settings.temporal_namespace,
                data_converter=pydantic_data_converter,
            )
        except RuntimeError as error:
            if not told:
                _log.warning("Temporal at %s: %s; waits", settings.temporal_address, error)
            told = True
            await asyncio.sleep(0.5)
