"""An executor as a role."""

from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from activities.settings import ExecutorSettings
from deploy.connect import connect
from deploy.settings import Settings
from mulligan.log_level import LogLevel
from mulligan.values.errors import InvalidArgumentError
from worker.executor import running_executor
from worker.stopping import Failure


async def run_executor(
    stack: AsyncExitStack, settings: Settings, log_level: LogLevel, failure: Failure
) -> None:
    """Work for as long as the stack lasts; leaving it drains.

    Raises:
        InvalidArgumentError: no region, or an address that can't be one.
    """
    told = executor_settings(settings)
    client = await connect(settings)
    await stack.enter_async_context(
        running_executor(
            client, told, listen=settings.media_listen, log_level=log_level, failure=failure
        )
    )


def executor_settings(settings: Settings) -> ExecutorSettings:
    """Say what an executor needs of the configuration.

    Raises:
        InvalidArgumentError: no region, or an address that can't be one.
    """
    if not settings.region:
        raise InvalidArgumentError(
            "an executor needs to know its region: give --region with the region's id, which "
            "`mulligan region list` shows",
            field="region",
        )
    media = urlsplit(settings.media_url)
    if media.scheme != "http" or not media.hostname or not media.port:
        raise InvalidArgumentError(
            f"media_url {settings.media_url!r} must be http://HOST:PORT as BMCs and machines "
            "reach it",
            field="media_url",
        )
    ramdisk_url = settings.ramdisk_url or f"https://{media.hostname}:{media.port + 1}"
    return ExecutorSettings(
        region=settings.region,
        state_folder=settings.state / "executor",
        ramdisk_folder=settings.ramdisk or settings.state / "ramdisk",
        media_url=settings.media_url.rstrip("/"),
        ramdisk_url=ramdisk_url.rstrip("/"),
        report_url=(settings.report_url or settings.media_url).rstrip("/"),
        allowed_image_hosts=settings.allowed_image_hosts,
        image_folder=settings.image_folder,
    )
