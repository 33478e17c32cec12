"""Errors reach who called, however long what they speak of is."""

import json

import pytest
from google.rpc import error_details_pb2, status_pb2

from api.errors import MOST_TRAILER_BYTES, status_of
from mulligan.values.errors import (
    InvalidArgumentError,
    MulliganError,
    NoCapacityError,
    NotFoundError,
)
from tests.fakes.caller import refused
from tests.fakes.place import Place, on_sqlite


def info_of(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


def no_capacity(steps: int) -> NoCapacityError:
    words = [f"capability C{number}" for number in range(steps)]
    told = [{"constraint": one, "removed": 0, "left": 1} for one in words]
    return NoCapacityError(
        "; ".join(words) + ". The last straw.",
        explanation=json.dumps(told),
        earliest="never",
    )


@pytest.mark.parametrize(
    "error",
    [
        InvalidArgumentError("x" * 100_000, field="name"),
        InvalidArgumentError("\u754c" * 100_000, field="name"),
        InvalidArgumentError("x", field="name", others=[("y" * 500, "z" * 1_000)] * 20),
        NotFoundError("none", object_type="host", object_id="y" * 100_000),
        MulliganError("many", **{f"detail_{n}": "z" * 1_000 for n in range(20)}),
        no_capacity(1_000),
    ],
)
def test_a_long_error_is_shortened_to_what_arrives(error: MulliganError) -> None:
    status = status_of(error, "r" * 64)
    assert status.ByteSize() <= MOST_TRAILER_BYTES
    assert info_of(status).reason == error.code
    assert status.message[:4] == error.message[:4]


def test_a_short_error_is_told_whole() -> None:
    error = no_capacity(20)
    status = status_of(error, "r")
    assert status.message == error.message
    assert dict(info_of(status).metadata) == error.details


def test_an_explanation_is_told_whole_or_not_at_all() -> None:
    metadata = info_of(status_of(no_capacity(1_000), "r")).metadata
    assert dict(metadata) == {"earliest": "never"}


@on_sqlite
@pytest.mark.parametrize("length", [3_000, 20_000, 1_000_000])
def test_who_sends_a_long_value_reads_what_is_wrong_with_it(place: Place, length: int) -> None:
    with refused("INVALID_ARGUMENT", about="id"):
        place.operator.GetHost(id="y" * length)
    with refused("INVALID_ARGUMENT", about="request_id"):
        place.operator.CreateProject(request_id="y" * length, name="a")
