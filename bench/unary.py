"""What a single Get and a single Update cost beside bare handlers of gRPC."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from bench.asked import asking, medians_ms
from bench.figures import Figure, Size, Target
from bench.filled import Filled, databases, empty
from bench.served import BARE, served
from mulligan_client.gen.mulligan.control.v1 import control_pb2

CONTROL = "mulligan.control.v1.ControlService"
MACHINES = 1_000


def unary(size: Size) -> Iterator[Figure]:
    """Ask GetMachine and UpdateImage again and again, one call after the other; medians.

    Peers: handlers of grpcio in the same process that do the same with the same database, without
    interceptor, kept answers and events; and one that answers without doing anything. All take
    turns. What ours takes more than the same without is the overhead: token, roles, rules.
    """
    with databases() as new_database:
        for kind in ("sqlite", "postgresql"):
            filled = empty(new_database, kind)
            machines, image = filled.write("machine", 1, MACHINES), filled.image()
            with served(filled.where) as (ours, bare):
                get = control_pb2.GetMachineRequest(project=machines.owner, id=machines.first)
                yield from _unary(size.unary_calls, filled, get, image, ours, bare)


def _unary(
    calls: int,
    filled: Filled,
    get: control_pb2.GetMachineRequest,
    image_id: str,
    ours: grpc.Channel,
    bare: grpc.Channel,
) -> Iterator[Figure]:
    kind, token = filled.kind, filled.where.token
    machine, image = control_pb2.Machine, control_pb2.Image
    at_most = Target("at most", ratio=2)

    def rename(name: str) -> Callable[[], Message]:
        return lambda: control_pb2.UpdateImageRequest(
            id=image_id,
            name=name,
            update_mask=FieldMask(paths=["name"]),
            request_id=str(uuid4()),
        )

    whole, same, nothing = medians_ms(
        calls,
        asking(ours, CONTROL, "GetMachine", lambda: get, machine, token),
        asking(bare, BARE, "GetMachine", lambda: get, machine),
        asking(bare, BARE, "Nothing", lambda: get, machine),
    )
    told, untold = medians_ms(
        calls,
        asking(ours, CONTROL, "UpdateImage", rename("ours"), image, token),
        asking(bare, BARE, "UpdateImage", rename("bare"), image),
    )
    for name, value, peer, peer_value in (
        ("", whole, "bare grpcio, same read", same),
        ("_overhead", whole - same, "bare grpcio, does nothing", nothing),
        ("_write", told, "bare grpcio, same write", untold),
    ):
        yield Figure("api", f"unary{name}_{kind}", "ms", value, peer, peer_value, target=at_most)
