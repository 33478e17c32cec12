"""The base of every workflow and activity payload."""

from typing import NoReturn

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """A frozen message between workflows and activities; fields added later need defaults."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ContractOnlyError(RuntimeError):
    """A contract's stub was called instead of its implementation."""


def contract_only() -> NoReturn:
    """Refuse to run a stub.

    Raises:
        ContractOnlyError: always.
    """
    raise ContractOnlyError("a contract names an activity; a worker registers its implementation")
