"""Machines as they are asked for."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from mulligan.resource.demands import DomainLimit
from mulligan.resource.network_values import NicWanted
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.values import Placement
from mulligan.values.amount import Amount
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.sealed import require_sealed
from mulligan.values.window import WITHOUT_END, Window

KINDS = ("virtual", "baremetal")
MAX_USER_DATA = 64 << 10


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A machine as it is asked for; sizes exactly for a virtual one, at least for baremetal.

    Raises:
        InvalidArgumentError: a field can't be used; names it.
    """

    kind: str
    image: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    nics: tuple[NicWanted, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    sealed_user_data: str = ""
    acquire_at: datetime | None = None
    release_at: datetime | None = None
    required_capabilities: tuple[str, ...] = ()
    provider: str = ""
    placement: str = "pack"
    root_disk_serial: str = ""
    or_below: bool = False
    domains: tuple[DomainLimit, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidArgumentError(
                f"kind {self.kind!r} can't be used; give one of {', '.join(KINDS)}",
                field="spec.kind",
            )
        least = 1 if self.kind == "virtual" else 0
        for field in ("vcpus", "memory_mib", "disk_gib"):
            if getattr(self, field) < least:
                raise InvalidArgumentError(
                    f"a {self.kind} machine needs {field} of at least {least}",
                    field=f"spec.{field}",
                )
        if len(self.sealed_user_data) > 3 * MAX_USER_DATA:
            raise InvalidArgumentError(
                "user data may have 64 KiB at most", field="spec.sealed_user_data"
            )
        if self.sealed_user_data and self.or_below:
            raise InvalidArgumentError(
                "user data is sealed to the key of one region, and the machine may be in others; "
                "say in which region it is to be, or leave the user data out",
                field="spec.sealed_user_data",
            )
        if self.sealed_user_data:
            require_sealed(self.sealed_user_data, "spec.sealed_user_data")

    def as_json(self) -> dict[str, Any]:
        """Give the columns' JSON, without user data, which is of use only once."""
        spec = asdict(self) | {"sealed_user_data": ""}
        for field in ("acquire_at", "release_at"):
            spec[field] = spec[field].isoformat() if spec[field] else None
        return spec

    def refuse_later(self, now: datetime) -> None:
        """Refuse to begin later than now: a machine is provisioned at once.

        Raises:
            InvalidArgumentError: it would begin later.
        """
        if self.acquire_at is not None and self.acquire_at > now:
            raise InvalidArgumentError(
                f"acquire_at {self.acquire_at.isoformat()} is in the future, and a machine is "
                "provisioned at once; leave it out, or make a reservation for that window",
                field="spec.window.acquire_at",
            )

    def claim_request(self, region: str, now: datetime) -> ClaimRequest:
        """Say what is claimed for such a machine."""
        window = Window(self.acquire_at or now, self.release_at or WITHOUT_END)
        sizes = {
            "cpus": self.vcpus,
            "memory_mib": self.memory_mib,
            "largest_disk_gib": self.disk_gib,
            "nics": len(self.nics),
        }
        virtual = self.kind == "virtual"
        amounts = (
            (
                Amount("VCPU", self.vcpus),
                Amount("MEMORY_MIB", self.memory_mib),
                Amount("DISK_GIB", self.disk_gib),
            )
            if virtual
            else (Amount("SERVER", 1),)
        )
        return ClaimRequest.for_one_provider(
            amounts=amounts,
            window=window,
            region=region,
            required_capabilities=self.required_capabilities,
            minimum_properties={} if virtual else {k: v for k, v in sizes.items() if v},
            provider=self.provider or None,
            provider_type="host" if virtual else "server",
            placement=Placement(self.placement),
            or_below=self.or_below,
            domains=self.domains,
        )
