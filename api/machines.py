"""Machines: asked for, shown, and ended."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any

from sqlalchemy.orm import Session

from activities.contracts.machines import (
    BeginDecommission,
    BeginProvision,
    MachineWish,
)
from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.operations import Operations, Starter
from api.region_specs import domains_of, shown_domains
from api.regions import Regions, said
from mulligan import events, marks
from mulligan.control import machines, marking
from mulligan.control.machine_specs import MachineSpec
from mulligan.control.tables import Machine
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.resource import reservations
from mulligan.resource.demands import DomainLimit
from mulligan.resource.network_values import AddressMode, NicWanted
from mulligan.resource.values import check_id
from mulligan.values.caller import Caller
from mulligan.values.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from mulligan.values.ids import object_id
from mulligan.values.window import Window
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.decommission import Decommission
from workflows.provision import Provision

_PLACEMENTS: Mapping[int, str] = {
    common_pb2.PLACEMENT_UNSPECIFIED: "pack",
    common_pb2.PLACEMENT_PACK: "pack",
    common_pb2.PLACEMENT_SPREAD: "spread",
}


class Machines:
    """The RPCs of machines."""

    def __init__(self, starter: Starter, shown: Operations, regions: Regions) -> None:
        self._starter = starter
        self._operations = shown
        self._regions = regions

    async def provision(
        self, request: control_pb2.ProvisionMachineRequest
    ) -> control_pb2.Operation:
        """Make a machine: its claim is committed when this answers."""
        if request.spec.provider and not current_call().caller.has_in("operator", request.region):
            raise PermissionDeniedError("only operators say on which host or server")
        asked = self._starter.asked(request, request.project, request.region)
        async with self._starter.unless_done(request, asked):
            await self._require_region(request)
            await self._regions.require_origins(request.spec.domains)
        wish = wish_of(request.spec)
        machine = object_id(asked.operation, "machine")
        await self._starter.start(
            Provision.run,
            Provision.accepted,
            BeginProvision(
                asked=asked,
                machine=machine,
                name=request.name,
                wish=wish,
                reservation=request.reservation,
            ),
            asked,
            summary=f"provision {wish.kind} machine {request.name}",
            machine=machine,
            gives=True,
        )
        if request.reservation:
            await self._starter.tell_reservation(request.reservation)
        return await self._operations.get(asked.operation)

    async def _require_region(self, request: control_pb2.ProvisionMachineRequest) -> None:
        """Refuse a region that doesn't exist for the caller; where it has reserved, it does."""
        try:
            await self._regions.require(request.region)
        except NotFoundError:
            row = await current_call().read(lambda s: reservations.find(s, request.reservation))
            asked = (check_id(request.project, field="project"), said(request.region))
            if row is None or (row.project, row.region) != asked:
                raise

    async def update(self, request: control_pb2.UpdateMachineRequest) -> control_pb2.Machine:
        """Change a machine's name."""
        call = current_call()
        paths_of(request, ("name",))

        def update(session: Session) -> control_pb2.Machine:
            row = machines.rename_machine(
                session,
                request.project,
                request.id,
                request.name,
                generation=request.generation,
                author=call.caller.account,
            )
            return _machines(session, [row], call.caller)[0]

        return await call.write(request, control_pb2.Machine, update)

    async def decommission(
        self, request: control_pb2.DecommissionMachineRequest
    ) -> control_pb2.DecommissionMachineResponse:
        """End a machine, or only say what that would destroy."""

        def read(session: Session) -> tuple[Machine, str, list[machines.DoomedDisk]]:
            row = machines.get_visible(session, request.project, request.id)
            if request.dry_run:
                machines.refuse_to_end(session, row)
            return row, names.name_of(session, row.id), machines.doomed_disks(session, row)

        row, name, disks = await current_call().read(read)
        answer = control_pb2.DecommissionMachineResponse(
            disks=[
                control_pb2.DoomedDisk(
                    name=disk.name,
                    serial=disk.serial,
                    size_bytes=disk.size_bytes,
                    policy=disk.policy,
                )
                for disk in disks
            ]
        )
        if request.dry_run:
            return answer
        asked = self._starter.asked(request, request.project, row.region)
        await self._starter.start(
            Decommission.run,
            Decommission.accepted,
            BeginDecommission(asked=asked, machine=row.id),
            asked,
            summary=f"decommission machine {name}",
            machine=row.id,
        )
        answer.operation.CopyFrom(await self._operations.get(asked.operation))
        return answer

    async def get(self, request: control_pb2.GetMachineRequest) -> control_pb2.Machine:
        """Show one machine."""
        caller = current_call().caller
        return await current_call().read(
            lambda session: _machines(
                session,
                [machines.get_visible(session, request.project, request.id)],
                caller,
            )[0]
        )

    async def get_all(
        self, request: control_pb2.BatchGetMachinesRequest
    ) -> control_pb2.BatchGetMachinesResponse:
        """Show several machines of a project."""
        caller = current_call().caller

        def read(session: Session) -> control_pb2.BatchGetMachinesResponse:
            rows = machines.get_all_visible(session, request.project, request.ids)
            return control_pb2.BatchGetMachinesResponse(
                machines=messages.at_once(_machines(session, rows, caller))
            )

        return await current_call().read(read)

    async def list(
        self, request: control_pb2.ListMachinesRequest
    ) -> control_pb2.ListMachinesResponse:
        """List a project's machines."""
        listing = listing_of(request, "machine")
        caller = current_call().caller

        def read(session: Session) -> control_pb2.ListMachinesResponse:
            revision = events.current_revision(session)
            page = machines.list_machines(
                session, request.project, listing, include_ended=request.include_ended
            )
            shown = messages.fitting(_machines(session, page.items, caller))
            return control_pb2.ListMachinesResponse(
                machines=shown,
                next_page_token=token_after(page, shown),
                revision=revision,
            )

        return await current_call().read(read)

    async def mark(self, request: control_pb2.SetMarkRequest) -> control_pb2.SetMarkResponse:
        """Set a mark on a server, host or machine."""
        call = current_call()

        def change(session: Session) -> control_pb2.SetMarkResponse:
            rows = marking.set_mark(
                session,
                call.caller,
                request.object_id,
                request.kind,
                request.reason,
                is_set=True,
            )
            return control_pb2.SetMarkResponse(marks=messages.marks(rows))

        answer = await call.write(request, control_pb2.SetMarkResponse, change)
        await self._starter.tell_reservations_on([request.object_id])
        return answer

    async def unmark(self, request: control_pb2.ClearMarkRequest) -> control_pb2.ClearMarkResponse:
        """Clear a mark of a server, host or machine."""
        call = current_call()

        def change(session: Session) -> control_pb2.ClearMarkResponse:
            rows = marking.set_mark(
                session, call.caller, request.object_id, request.kind, "", is_set=False
            )
            return control_pb2.ClearMarkResponse(marks=messages.marks(rows))

        answer = await call.write(request, control_pb2.ClearMarkResponse, change)
        region = await call.read(lambda session: marking.region_of(session, request.object_id))
        await self._starter.wake_waiting(region)
        return answer


def shown_wish(wish: MachineWish) -> control_pb2.MachineSpec:
    """Show a machine as it was asked for, without its user data and window."""
    fields = wish.model_dump(
        exclude={"nics", "sealed_user_data", "acquire_at", "release_at", "placement", "domains"}
    )
    nics = [control_pb2.NicRequest(**nic.model_dump()) for nic in wish.nics]
    return control_pb2.MachineSpec(
        **fields,
        nics=nics,
        placement=common_pb2.Placement.Value(f"PLACEMENT_{wish.placement.upper()}"),
        domains=shown_domains(
            DomainLimit(one.kind, one.origin, same=one.same) for one in wish.domains
        ),
    )


def wish_of(spec: control_pb2.MachineSpec, *, needs_image: bool = True) -> MachineWish:
    """Read the wish, refusing at the door what no provider could make true."""
    window = spec.window
    starts = window.acquire_at.ToDatetime(UTC) if window.HasField("acquire_at") else None
    ends = window.release_at.ToDatetime(UTC) if window.HasField("release_at") else None
    if starts and ends:
        Window(starts, ends)
    if needs_image and not spec.image:
        raise InvalidArgumentError("say which image", field="spec.image")
    for nic in spec.nics:
        NicWanted(nic.network, _mode(nic.mode), nic.address)
    fields: dict[str, Any] = {
        "kind": spec.kind,
        "image": spec.image,
        "vcpus": spec.vcpus,
        "memory_mib": spec.memory_mib,
        "disk_gib": spec.disk_gib,
        "ssh_keys": tuple(spec.ssh_keys),
        "sealed_user_data": spec.sealed_user_data,
        "acquire_at": starts,
        "release_at": ends,
        "required_capabilities": tuple(spec.required_capabilities),
        "provider": spec.provider,
        "placement": _placement(spec.placement),
        "root_disk_serial": spec.root_disk_serial,
        "or_below": spec.or_below,
        "domains": domains_of(spec.domains),
    }
    MachineSpec(**fields)
    nics = [
        {"network": nic.network, "mode": nic.mode or "auto", "address": nic.address}
        for nic in spec.nics
    ]
    domains = [asdict(one) for one in fields["domains"]]
    return MachineWish.model_validate({**fields, "nics": nics, "domains": domains})


def _placement(placement: int) -> str:
    if placement not in _PLACEMENTS:
        raise InvalidArgumentError(
            "placement NEAREST is for claims; give PACK or SPREAD for a machine",
            field="spec.placement",
        )
    return _PLACEMENTS[placement]


def _mode(mode: str) -> AddressMode:
    try:
        return AddressMode(mode or "auto")
    except ValueError:
        raise InvalidArgumentError(
            f"mode {mode!r} can't be used; give one of {', '.join(AddressMode)}",
            field="spec.nics.mode",
        ) from None


def _machines(
    session: Session, rows: Sequence[Machine], caller: Caller
) -> list[control_pb2.Machine]:
    ids = [row.id for row in rows]
    described, marked = names.describe(session, ids), marks.marks_of(session, ids)
    return [
        _machine(row, described, marked[row.id], operator=caller.has_in("reader", row.region))
        for row in rows
    ]


def _machine(
    row: Machine,
    described: Mapping[str, Name],
    marked: Sequence[marks.Mark],
    *,
    operator: bool,
) -> control_pb2.Machine:
    spec = row.spec
    return control_pb2.Machine(
        metadata=messages.metadata(row, described, project=row.project, region=row.region),
        spec=control_pb2.MachineSpec(
            kind=row.kind,
            image=row.image,
            vcpus=spec["vcpus"],
            memory_mib=spec["memory_mib"],
            disk_gib=spec["disk_gib"],
            ssh_keys=spec["ssh_keys"],
            required_capabilities=spec["required_capabilities"],
            root_disk_serial=spec["root_disk_serial"],
        ),
        status=messages.status(row.status, operators=operator),
        marks=messages.marks(marked),
        provider=row.provider if operator else "",
        addresses=[
            control_pb2.Address(
                network=nic["network"], mac=nic["mac"], address=nic["address"], mode=nic["mode"]
            )
            for nic in row.nics
        ],
        reported_hostname=row.reported.get("hostname", ""),
        reported_address=row.reported.get("address", ""),
        ssh_host_keys=row.reported.get("ssh_host_keys", ()),
        operation=row.operation,
        claim=row.claim,
        active_at=messages.timestamp(row.active_at),
    )
