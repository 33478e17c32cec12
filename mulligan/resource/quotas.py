"""Quotas: how much a project and all under it may have at once, for how long, how far ahead.

They are decided in the claim's own transaction: the rows of the project and of those above it are
locked from the top down, before providers are, and what is used is counted after the claim was
written. So two claims that race for the last of it wait for each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, exists, func, select, union
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.generations import refuse_stale
from mulligan.resource.occupation import most_at_once, peaks_together, with_margin
from mulligan.resource.tables import AllocationRow, ClaimRow, ProjectRow, QuotaRow
from mulligan.resource.values import Page, check_id, page_size
from mulligan.values.amount import GREATEST_AMOUNT, check_resource_type
from mulligan.values.errors import (
    ConflictError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
)
from mulligan.values.window import Window


@dataclass(frozen=True)
class Quota:
    """What a project and all under it may have; None is no limit.

    Args:
        amounts: at the same time, by resource type.
        claims: so many at the same time; a machine is one.
        longest: the longest window of a claim; windows without end are longer than any.
        advance: how far ahead a window may begin.

    Raises:
        InvalidArgumentError: a limit can't be one.
    """

    amounts: Mapping[str, int] = field(default_factory=dict)
    claims: int | None = None
    longest: timedelta | None = None
    advance: timedelta | None = None

    def __post_init__(self) -> None:
        for name, amount in self.amounts.items():
            check_resource_type(name, field="amounts.resource_type")
            if not 0 <= amount <= GREATEST_AMOUNT:
                raise InvalidArgumentError(
                    f"a quota of {amount} {name} can't be; give 0 to {GREATEST_AMOUNT}",
                    field="amounts.amount",
                )
        if self.claims is not None and not 0 <= self.claims <= GREATEST_AMOUNT:
            raise InvalidArgumentError(
                f"a quota of {self.claims} claims can't be; give 0 to {GREATEST_AMOUNT}",
                field="claims",
            )
        for name in ("longest", "advance"):
            span = getattr(self, name)
            if span is not None and span < timedelta(0):
                raise InvalidArgumentError(f"{name} can't be negative", field=name)

    def limits(self) -> dict[str, int]:
        """All limits as numbers by what is limited; times in seconds."""
        found = {f"{name} at once": amount for name, amount in self.amounts.items()}
        if self.claims is not None:
            found["claims at once"] = self.claims
        if self.longest is not None:
            found["seconds of a window"] = int(self.longest.total_seconds())
        if self.advance is not None:
            found["seconds ahead"] = int(self.advance.total_seconds())
        return found


@dataclass(frozen=True)
class KeptQuota:
    """A project's quota as it is kept."""

    project: str
    quota: Quota
    generation: int


def know_project(session: Session, chain: Sequence[str]) -> None:
    """Take in under which others a project is.

    Args:
        session: a session.
        chain: UUIDs, from the project upwards to the top.

    Raises:
        ConflictError: somebody else does the same.
    """
    known = set(session.scalars(select(ProjectRow.project).where(ProjectRow.project.in_(chain))))
    for project, parent in zip(chain, [*chain[1:], None], strict=True):
        if project not in known:
            session.add(ProjectRow(project=project, parent=parent))
    try:
        session.flush()
    except IntegrityError as error:
        raise ConflictError(f"project {chain[0]} is being taken in by somebody else") from error


def set_quota(
    session: Session,
    project: str,
    quota: Quota,
    *,
    generation: int = 0,
    by: str = "",
    author: str | None = None,
    now: datetime,
) -> KeptQuota:
    """Set a project's quota; what is claimed already stays claimed.

    Args:
        session: a session.
        project: UUID; it is known with those above it.
        quota: all its limits from now on.
        generation: the one at which the caller read it; 0: any.
        by: UUID of a project whose administrator sets it; empty for who may set any.
        author: UUID of the account that asks.
        now: the present.

    Raises:
        FailedPreconditionError: a limit is above one of a project above, or below one of a project
            below.
        NotFoundError: the project is not under that by which it is set.
        PermissionDeniedError: a project sets its own.
        StaleError: it is not at that generation any more; says what changed since.
    """
    project = check_id(project, field="project")
    above = _chain(session, project)[:-1]
    _refuse_others(project, above, by)
    rows = lock_quotas(session, [*above, project])
    row = rows.get(project)
    if row is None:
        refuse_stale(session, "quota", project, generation=0, read_at=generation)
        row = QuotaRow(project=project, generation=0, amounts={})
    else:
        refuse_stale(session, "quota", project, generation=row.generation, read_at=generation)
    for one in above:
        if one in rows:
            _refuse_exceeding(project, quota, one, quota_of(rows[one]))
    for one in _below(session, project):
        other = session.get(QuotaRow, one)
        if other is not None and one != project:
            _refuse_exceeding(one, quota_of(other), project, quota)
    row.amounts = dict(quota.amounts)
    row.claims = quota.claims
    row.longest_s = _seconds(quota.longest)
    row.advance_s = _seconds(quota.advance)
    row.generation += 1
    session.add(row)
    session.flush()
    words = ", ".join(f"{limit} {what}" for what, limit in quota.limits().items()) or "no limits"
    event = events.Event(
        "quota", project, "updated", project=project, author=author, message=words,
        generation=row.generation, at=now,
    )  # fmt: skip
    events.append(session, event)
    return KeptQuota(project, quota, row.generation)


def _refuse_others(project: str, above: Sequence[str], by: str) -> None:
    """Refuse a project that decides about itself, or about one that is not under it."""
    by = check_id(by, field="project") if by else ""
    if by == project:
        raise PermissionDeniedError(
            f"project {project} can't decide on its own quota; ask an operator, or an "
            "administrator of a project above it",
            object_type="quota",
            object_id=project,
        )
    if by and by not in above:
        raise NotFoundError(
            f"there is no project {project}", object_type="project", object_id=project
        )


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


def _refuse_exceeding(child: str, wanted: Quota, parent: str, allowed: Quota) -> None:
    limits = allowed.limits()
    for what, limit in wanted.limits().items():
        if what in limits and limit > limits[what]:
            raise FailedPreconditionError(
                f"project {child} may not have {limit} {what}: project {parent} above it has "
                f"{limits[what]}; lower the one or raise the other",
                object_type="quota",
                object_id=child,
            )


def get_quota(session: Session, project: str) -> KeptQuota:
    """Read a project's own quota.

    Raises:
        NotFoundError: it has none.
    """
    row = session.get(QuotaRow, check_id(project, field="project"))
    if row is None:
        raise NotFoundError(
            f"project {project} has no quota", object_type="quota", object_id=project
        )
    return KeptQuota(row.project, quota_of(row), row.generation)


def quota_of(row: QuotaRow) -> Quota:
    """Read a quota from its row."""
    return Quota(
        row.amounts,
        row.claims,
        None if row.longest_s is None else timedelta(seconds=row.longest_s),
        None if row.advance_s is None else timedelta(seconds=row.advance_s),
    )


def _chain(session: Session, project: str) -> list[str]:
    """A project and those above it, from the top down."""
    rows = ProjectRow.__table__.c
    chain = select(rows.project, rows.parent).where(rows.project == project)
    above = chain.cte("above", recursive=True)
    above = above.union(
        select(rows.project, rows.parent).join(above, rows.project == above.c.parent)
    )
    parents: dict[str, str | None] = dict(session.execute(select(above)).all())
    ordered = [project]
    while (parent := parents.get(ordered[-1])) is not None and parent not in ordered:
        ordered.append(parent)
    return ordered[::-1]


def _below(session: Session, project: str) -> list[str]:
    """A project and all under it."""
    rows = ProjectRow.__table__.c
    start = select(rows.project).where(rows.project == project)
    below = start.cte("below", recursive=True)
    below = below.union(select(rows.project).join(below, rows.parent == below.c.project))
    return list({project, *session.scalars(select(below))})


def projects_below(which: ColumnElement[bool] | None = None) -> CTE:
    """Which project counts for which: for itself and for those above it.

    Columns top and project, each pair once. Index: project_tree (parent).

    Args:
        which: tops whose rows meet this; None for all known, and all that have claims.
    """
    rows, name = ProjectRow.__table__.c, "families" if which is None else "family"
    itself = select(rows.project.label("top"), rows.project)
    if which is None:
        claiming = AllocationRow.project
        known = union(itself, select(claiming.label("top"), claiming)).subquery("known_projects")
        itself = select(known.c.top, known.c.project)
    else:
        itself = itself.where(which)
    start = itself.cte(name, recursive=True)
    below = select(start.c.top, rows.project).join(start, rows.parent == start.c.project)
    return start.union(below)


def lock_quotas(session: Session, chain: Sequence[str]) -> dict[str, QuotaRow]:
    """Lock the quotas of projects, from the top down as they are given."""
    rows: dict[str, QuotaRow] = {}
    for project in chain:
        query = select(QuotaRow).where(QuotaRow.project == project).with_for_update()
        found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
        if found is not None:
            rows[project] = found
    return rows


def any_quota() -> ColumnElement[bool]:
    """Say that somebody has a quota."""
    return exists(select(QuotaRow.__table__.c.project))


def quotas_over(session: Session, project: str) -> dict[str, Quota]:
    """Lock and read the quotas that hold for a project: its own, and those of projects above it.

    Nobody has any, most of the time: that is one statement.
    """
    if not session.scalar(select(any_quota())):
        return {}
    rows = lock_quotas(session, _chain(session, project))
    return {one: quota_of(row) for one, row in rows.items()}


def refuse_beyond_quotas(
    session: Session,
    row: ClaimRow,
    quotas: Mapping[str, Quota],
    now: datetime,
    *,
    overruns: bool = True,
) -> None:
    """Refuse a claim, as it is written, that goes beyond a quota which was locked before.

    Without `overruns` what is past its planned end and still used does not count.

    Raises:
        QuotaExceededError: says whose, of what, how much there is and how much is used.
    """
    window = Window(max(row.acquire_at, now), row.planned_release_at)
    kept_free = with_margin(window, _longest_margin(session, row) if quotas else 0)
    for project, quota in quotas.items():
        _refuse_window(row, project, quota, window, now)
        if not quota.amounts and quota.claims is None:
            continue
        scope = AllocationRow.project.in_(_below(session, project))
        types = select(AllocationRow.resource_type).where(AllocationRow.claim == row.id)
        of_types = scope & AllocationRow.resource_type.in_(types)
        peaks = peaks_together(of_types, kept_free, now, overruns=overruns)
        used: dict[str, int] = dict(session.execute(peaks).all())
        for name, limit in quota.amounts.items():
            if used.get(name, 0) > limit:
                raise _exceeded(row, project, name, limit, used[name])
        if quota.claims is not None:
            most = most_at_once(scope, kept_free, now, overruns=overruns)
            count = session.scalars(most).one_or_none() or 0
            if count > quota.claims:
                raise _exceeded(row, project, "claims", quota.claims, count)


def _longest_margin(session: Session, row: ClaimRow) -> int:
    """For how long, in seconds, what a claim uses is kept free after it; part of its window."""
    margins = select(func.max(AllocationRow.margin_s)).where(AllocationRow.claim == row.id)
    return session.scalars(margins).one() or 0


def _exceeded(row: ClaimRow, project: str, what: str, limit: int, used: int) -> QuotaExceededError:
    whose = "its project" if project == row.project else f"project {project} above it"
    return QuotaExceededError(
        f"claim {row.id} goes beyond the quota of {whose}: {limit} {what} at once, and with it "
        f"there would be {used} at the peak of its window; release some, choose another window, "
        "or ask for a larger quota",
        object_type="quota",
        object_id=project,
        resource_type=what,
        limit=str(limit),
        used=str(used),
    )


def _refuse_window(
    row: ClaimRow, project: str, quota: Quota, window: Window, now: datetime
) -> None:
    whole = Window(row.acquire_at, row.planned_release_at)
    for limit, span, words, field_name in (
        (
            quota.longest,
            whole.release_at - whole.acquire_at if whole.has_end else timedelta.max,
            "last longer than",
            "window.release_at",
        ),
        (quota.advance, window.acquire_at - now, "begin further ahead than", "window.acquire_at"),
    ):
        if limit is not None and span > limit:
            raise QuotaExceededError(
                f"a claim of project {row.project} may not {words} {limit}, by the quota of "
                f"project {project}; choose another window",
                field=field_name,
                object_type="quota",
                object_id=project,
            )


def list_quotas(
    session: Session, *, family: str = "", after: str = "", limit: int = 0
) -> Page[KeptQuota]:
    """Read a page of quotas in the order of the projects' ids.

    Args:
        session: a session.
        family: only those of this project (UUID) and of all under it.
        after: the token of the page before.
        limit: at most this many; 0 for 100.
    """
    limit = page_size(limit)
    query = select(QuotaRow).order_by(QuotaRow.project).limit(limit + 1)
    if family:
        query = query.where(
            QuotaRow.project.in_(_below(session, check_id(family, field="project")))
        )
    if after:
        query = query.where(QuotaRow.project > check_id(after, field="page.token"))
    page = Page.cut(list(session.scalars(query)), limit, lambda row: row.project)
    kept = [KeptQuota(row.project, quota_of(row), row.generation) for row in page.items]
    return Page(kept, page.next_token)


def delete_quota(
    session: Session, project: str, *, by: str = "", author: str | None = None, now: datetime
) -> None:
    """Take a project's own quota away; those of projects above it hold on.

    Raises:
        NotFoundError: it has none, or is not under the project by which it is taken away.
        PermissionDeniedError: a project takes its own away.
    """
    project = check_id(project, field="project")
    _refuse_others(project, _chain(session, project)[:-1], by)
    row = lock_quotas(session, [project]).get(project)
    if row is None:
        raise NotFoundError(
            f"project {project} has no quota", object_type="quota", object_id=project
        )
    session.delete(row)
    event = events.Event("quota", project, "deleted", project=project, author=author, at=now)
    events.append(session, event)


def use_of(
    session: Session, project: str, window: Window, now: datetime
) -> tuple[dict[str, int], int]:
    """Read what a project and all under it have at the peak of a window, and how many claims."""
    scope: Any = AllocationRow.project.in_(_below(session, check_id(project, field="project")))
    used: dict[str, int] = dict(session.execute(peaks_together(scope, window, now)).all())
    return used, session.scalars(most_at_once(scope, window, now)).one_or_none() or 0
