"""Answers as they are kept for a retry: without the names in them, which are meta's."""

from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from api.wellformed import messages_in
from mulligan.iam.copies import FOLLOWED
from mulligan.meta import many_names, names, planned_names
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2

M = TypeVar("M", bound=Message)
_Planner = resource_pb2.Reservation | resource_pb2.ReservationSeries


def without_names(answer: M) -> M:
    """Copy an answer, and leave out the names of the objects in it."""
    copy = type(answer)()
    copy.CopyFrom(answer)
    for one in messages_in(copy):
        if isinstance(one, common_pb2.Metadata):
            one.ClearField("name")
            one.ClearField("slug")
            one.ClearField("old_slugs")
        elif isinstance(one, _Planner):
            one.spec.ClearField("machine_name")
        elif isinstance(one, iam_pb2.Assignment):
            one.ClearField("account_name")
    return copy


def with_names(session: Session, answer: M) -> M:
    """Put the names of the objects in a kept answer into it, as they are now."""
    ids = [one.id for one in _metadata_in(answer)]
    ids += [one.account for one in _assignments_in(answer)]
    described = names.describe(session, ids)
    copied = [one.id for one in described.values() if one.object_type in FOLLOWED]
    old = many_names.old_slugs(session, copied)
    for one in _metadata_in(answer):
        if one.id in described:
            one.name, one.slug = described[one.id].name, described[one.id].slug
            one.old_slugs.extend(old.get(one.id, ()))
    for assignment in _assignments_in(answer):
        if assignment.account in described:
            assignment.account_name = described[assignment.account].name
    planners = {one.metadata.id: one for one in _planners_in(answer)}
    for planner, name in planned_names.planned(session, list(planners)).items():
        planners[planner].spec.machine_name = name
    return answer


def _metadata_in(answer: Message) -> Iterator[common_pb2.Metadata]:
    return (one for one in messages_in(answer) if isinstance(one, common_pb2.Metadata))


def _assignments_in(answer: Message) -> Iterator[iam_pb2.Assignment]:
    return (one for one in messages_in(answer) if isinstance(one, iam_pb2.Assignment))


def _planners_in(answer: Message) -> Iterator[_Planner]:
    return (one for one in messages_in(answer) if isinstance(one, _Planner))
