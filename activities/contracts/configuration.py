"""How executors are configured: it travels with what they are asked for."""

from activities.contracts.payload import Payload
from mulligan.values.configuration import Configuration


class Configured(Payload):
    """What was set of a region's executors when an operation began its step."""

    generation: int
    wanted: Configuration


class ForExecutor(Payload):
    """What an executor is asked for; without `configured` nothing was ever set."""

    configured: Configured | None = None
