"""The catalogue, from messages to changes and from rows to messages."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.places import Places
from mulligan import events
from mulligan.iam import catalogue
from mulligan.iam.catalogue import Registration
from mulligan.iam.processes import LEASE
from mulligan.iam.tables import ServiceRow
from mulligan.values.errors import InvalidArgumentError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb
from mulligan_client.transport import Target


async def register(
    request: pb.RegisterServiceRequest, places: Places
) -> pb.RegisterServiceResponse:
    """Take a process up."""
    call, now = current_call(), datetime.now(UTC)
    _check_address(request.address)
    await places.know(request.regions)
    said = Registration(
        id=request.id,
        site=request.site,
        kinds=list(request.kinds),
        address=request.address,
        version=request.version,
        regions=set(request.regions),
    )

    def take(session: Session) -> pb.RegisterServiceResponse:
        row = catalogue.register(session, said, now, call.caller)
        return pb.RegisterServiceResponse(service=_service(row, now), served=_served(session))

    return await call.write(request, pb.RegisterServiceResponse, take)


async def renew(request: pb.RenewServiceRequest) -> pb.RenewServiceResponse:
    """Note that a process is alive, which is no change: no answer is kept."""
    call, now = current_call(), datetime.now(UTC)

    def note(session: Session) -> pb.RenewServiceResponse:
        catalogue.renew(session, request.id, now, call.caller)
        return pb.RenewServiceResponse(served=_served(session))

    return await call.write_anonymously(note)


async def withdraw(request: pb.WithdrawServiceRequest) -> pb.WithdrawServiceResponse:
    """Take a process out."""
    call = current_call()

    def end(session: Session) -> pb.WithdrawServiceResponse:
        catalogue.withdraw(session, request.id, call.caller)
        return pb.WithdrawServiceResponse()

    return await call.write(request, pb.WithdrawServiceResponse, end)


async def list_all() -> pb.ListServicesResponse:
    """Show what the caller sees of it."""
    call, now = current_call(), datetime.now(UTC)
    whole = call.caller.has("reader")

    def read(session: Session) -> pb.ListServicesResponse:
        revision = events.told_revision(session)
        return pb.ListServicesResponse(
            sites=[
                pb.Site(
                    id=site.id,
                    regions=site.regions,
                    services=[_service(row, now, whole=whole) for row in site.services],
                )
                for site in catalogue.sites(session, call.caller)
            ],
            revision=revision,
        )

    return await call.read(read)


async def delete_site(request: pb.DeleteSiteRequest) -> pb.DeleteSiteResponse:
    """Forget a site."""
    call, now = current_call(), datetime.now(UTC)

    def end(session: Session) -> pb.DeleteSiteResponse:
        catalogue.delete_site(session, request.id, now, author=call.caller.account)
        return pb.DeleteSiteResponse()

    return await call.write(request, pb.DeleteSiteResponse, end)


def _check_address(address: str) -> None:
    try:
        if address:
            Target.parse(address)
    except ValueError as error:
        raise InvalidArgumentError(
            f"the address of the services can't be read: {error}", field="address"
        ) from error


def _served(session: Session) -> list[pb.ServedRegion]:
    return [
        pb.ServedRegion(region=region, site=site)
        for region, site in catalogue.named_regions(session).items()
    ]


def _service(row: ServiceRow, now: datetime, *, whole: bool = True) -> pb.Service:
    """Show a process; to who doesn't run it only where it is."""
    return pb.Service(
        id=row.id,
        site=row.site,
        kinds=row.kinds,
        address=row.address,
        version=row.version if whole else "",
        alive=row.seen_at > now - LEASE,
        registered_at=messages.timestamp(row.registered_at) if whole else None,
        seen_at=messages.timestamp(row.seen_at) if whole else None,
    )
