"""Quotas, from messages to calls and back."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from api.call import current_call
from api.claim_specs import window_of
from mulligan.resource import quotas
from mulligan.resource.quotas import KeptQuota, Quota
from mulligan.values.errors import InvalidArgumentError, NotFoundError
from mulligan.values.window import Window
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb


async def put(request: pb.SetQuotaRequest) -> pb.Quota:
    """Say how much a project may have."""
    wanted = _quota(request.spec)
    call = current_call()

    def write(session: Session) -> pb.Quota:
        now = datetime.now(UTC)
        kept = quotas.set_quota(
            session,
            request.project,
            wanted,
            generation=request.generation,
            author=call.caller.account,
            now=now,
        )
        return _shown(session, kept, Window(now), now)

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
        return _shown(session, kept, window, now)

    return await current_call().read(read)


async def delete(request: pb.DeleteQuotaRequest) -> pb.DeleteQuotaResponse:
    """Take a project's own quota away."""
    call = current_call()

    def write(session: Session) -> pb.DeleteQuotaResponse:
        quotas.delete_quota(
            session, request.project, author=call.caller.account, now=datetime.now(UTC)
        )
        return pb.DeleteQuotaResponse()

    return await call.write(request, pb.DeleteQuotaResponse, write)


def _shown(session: Session, kept: KeptQuota, window: Window, now: datetime) -> pb.Quota:
    quota = kept.quota
    spec = pb.QuotaSpec(amounts=_amounts(quota.amounts))
    if quota.claims is not None:
        spec.claims = quota.claims
    if quota.longest is not None:
        spec.longest.FromTimedelta(quota.longest)
    if quota.advance is not None:
        spec.advance.FromTimedelta(quota.advance)
    used, claims = quotas.use_of(session, kept.project, window, now)
    return pb.Quota(
        project=kept.project,
        spec=spec,
        used=_amounts(used),
        claims_used=claims,
        generation=kept.generation,
    )


def _amounts(amounts: Mapping[str, int]) -> list[common_pb2.Amount]:
    return [
        common_pb2.Amount(resource_type=name, amount=amount)
        for name, amount in sorted(amounts.items())
    ]
