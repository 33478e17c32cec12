"""What operators turn while services and executors run: log level, rate limits, time-outs."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class RateLimit(BaseModel):
    """How many calls one instance takes: `per_second` on average, `burst` of them at once."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    per_second: float = Field(gt=0)
    burst: int = Field(default=0, ge=0)

    @property
    def size(self) -> int:
        """Calls at once after a rest; without a burst as many as come in a second."""
        return self.burst or max(1, int(self.per_second))

    def __str__(self) -> str:
        return f"{self.per_second:g}/s, {self.size} at once"


class Configuration(BaseModel):
    """What was set; None where nothing was. Names as in ConfigurationSpec; time-outs in seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    log_level: str | None = None
    """DEBUG, INFO, WARNING or ERROR."""
    account_reads: RateLimit | None = None
    account_writes: RateLimit | None = None
    reads: RateLimit | None = None
    writes: RateLimit | None = None
    transaction_timeout: float | None = None
    accept_timeout: float | None = None
    bmc_answer_timeout: float | None = None
    bmc_power_timeout: float | None = None
    bmc_media_timeout: float | None = None
    bmc_restart_timeout: float | None = None

    def filled(self, service: str) -> "Configuration":
        """Give what is in force: with the defaults of what was not set."""
        usual = {name: DEFAULTS[name] for name in FIELDS[service] if name in DEFAULTS}
        return Configuration.model_validate(usual | self.set_fields())

    def set_fields(self) -> dict[str, Any]:
        """What was set, by name."""
        return self.model_dump(exclude_none=True)


UNSET = Configuration()

DEFAULTS: Mapping[str, float] = {
    "transaction_timeout": 60,
    "accept_timeout": 25,
    "bmc_answer_timeout": 20,
    "bmc_power_timeout": 120,
    "bmc_media_timeout": 60,
    "bmc_restart_timeout": 420,
}
"""What holds where nothing was set; rates have no limit then, and the log its process' level."""

EXECUTOR = "executor"

_SERVED = (
    "log_level",
    "account_reads",
    "account_writes",
    "reads",
    "writes",
    "transaction_timeout",
)
FIELDS: Mapping[str, tuple[str, ...]] = {
    "iam": _SERVED,
    "meta": _SERVED,
    "resource": (*_SERVED, "accept_timeout"),
    "control": (*_SERVED, "accept_timeout"),
    EXECUTOR: (
        "log_level",
        "bmc_answer_timeout",
        "bmc_power_timeout",
        "bmc_media_timeout",
        "bmc_restart_timeout",
    ),
}
"""What each service has a use for."""
