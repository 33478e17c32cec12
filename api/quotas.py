"""Quotas, from messages to calls and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.claim_specs import window_of
from mulligan import events
from mulligan.resource import quotas
from mulligan.resource.quotas import KeptQuota, Quota
from mulligan.resource.values import check_id
from mulligan.values.errors import InvalidArgumentError, NotFoundError
from mulligan.values.window import Window
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

M = TypeVar("M", bound=Message)
Q = TypeVar("Q", pb.ListQuotasResponse, pb.ListProjectQuotasResponse)


async def put(request: pb.SetQuotaRequest) -> pb.Quota:
    """Say how much a project may have."""
    return await _put(request, request.project)


async def put_of_child(request: pb.SetChildQuotaRequest) -> pb.Quota:
    """Say how much a project under another one may have."""
    return await _put(request, check_id(request.child, field="child"), by=request.project)


async def _put(
    request: pb.SetQuotaRequest | pb.SetChildQuotaRequest, project: str, *, by: str = ""
) -> pb.Quota:
    wanted = _quota(request.spec)
    call = current_call()

    def write(session: Session) -> pb.Quota:
        now = datetime.now(UTC)
        kept = quotas.set_quota(
            session,
            project,
            wanted,
            generation=request.generation,
            by=by,
            author=call.caller.account,
            now=now,
        )
        return _with_use(session, kept, Window(now), now)

    return await call.write(request, pb.Quota, write)


def _quota(spec: pb.QuotaSpec) -> Quota:
    amounts = {one.resource_type: one.amount for one in spec.amounts}
    if len(amounts) < len(spec.amounts):
        raise InvalidArgumentError(
            "a resource type stands twice in the quota; give each once", field="spec.amounts"
        )
    return Quota(
        amounts,
        spec.claims if spec.HasField("claims") else None,
        spec.longest.ToTimedelta() if spec.HasField("longest") else None,
        spec.advance.ToTimedelta() if spec.HasField("advance") else None,
    )


async def get(request: pb.GetQuotaRequest) -> pb.Quota:
    """Show how much a project may have, and has; without a quota of its own only what it has."""
    now = datetime.now(UTC)
    window = window_of(request.window, now)

    def read(session: Session) -> pb.Quota:
        try:
            kept = quotas.get_quota(session, request.project)
        except NotFoundError:
            kept = KeptQuota(request.project, Quota(), 0)
        return _with_use(session, kept, window, now)

    return await current_call().read(read)


async def list_page(request: pb.ListQuotasRequest) -> pb.ListQuotasResponse:
    """List the quotas of all projects."""
    return await _page(request, pb.ListQuotasResponse)


async def list_of_project(request: pb.ListProjectQuotasRequest) -> pb.ListProjectQuotasResponse:
    """List the quotas of a project and those under it."""
    return await _page(request, pb.ListProjectQuotasResponse, family=request.project)


async def _page(
    request: pb.ListQuotasRequest | pb.ListProjectQuotasRequest,
    response: type[Q],
    *,
    family: str = "",
) -> Q:
    """A page of quotas."""
    size, after = messages.page_size(request.page), messages.after_id(request.page)

    def read(session: Session) -> Q:
        revision = events.current_revision(session)
        page = quotas.list_quotas(session, family=family, after=after, limit=size)
        return response(
            quotas=[_shown(kept) for kept in page.items],
            next_page_token=messages.token_of(page.next_token) if page.next_token else "",
            revision=revision,
        )

    return await current_call().read(read)


async def delete(request: pb.DeleteQuotaRequest) -> pb.DeleteQuotaResponse:
    """Take a project's own quota away."""
    return await _delete(request, pb.DeleteQuotaResponse, request.project)


async def delete_of_child(request: pb.DeleteChildQuotaRequest) -> pb.DeleteChildQuotaResponse:
    """Take the quota of a project under another one away."""
    child = check_id(request.child, field="child")
    return await _delete(request, pb.DeleteChildQuotaResponse, child, by=request.project)


async def _delete(request: Message, response: type[M], project: str, *, by: str = "") -> M:
    call = current_call()

    def write(session: Session) -> M:
        quotas.delete_quota(
            session, project, by=by, author=call.caller.account, now=datetime.now(UTC)
        )
        return response()

    return await call.write(request, response, write)


def _with_use(session: Session, kept: KeptQuota, window: Window, now: datetime) -> pb.Quota:
    """A quota, and what is used of it."""
    shown = _shown(kept)
    used, shown.claims_used = quotas.use_of(session, kept.project, window, now)
    shown.used.extend(_amounts(used))
    return shown


def _shown(kept: KeptQuota) -> pb.Quota:
    quota = kept.quota
    spec = pb.QuotaSpec(amounts=_amounts(quota.amounts))
    if quota.claims is not None:
        spec.claims = quota.claims
    if quota.longest is not None:
        spec.longest.FromTimedelta(quota.longest)
    if quota.advance is not None:
        spec.advance.FromTimedelta(quota.advance)
    return pb.Quota(project=kept.project, spec=spec, generation=kept.generation)


def _amounts(amounts: Mapping[str, int]) -> list[common_pb2.Amount]:
    return [
        common_pb2.Amount(resource_type=name, amount=amount)
        for name, amount in sorted(amounts.items())
    ]
