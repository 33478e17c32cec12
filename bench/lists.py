"""What a page of a list costs where there is little and where there is much."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc

from api.messages import token_of
from api.page_tokens import close_token
from bench.asked import asking, medians_ms
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.filled import Batch, Filled, databases, empty
from bench.served import served
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2

FEW, PAGE = 1_000, 100
ENDED = 100
"""Of so many machines of a project one lives."""

ORDERS: Mapping[str, Any] = {
    "id": common_pb2.ORDER_BY_ID,
    "name": common_pb2.ORDER_BY_NAME,
    "created_at": common_pb2.ORDER_BY_CREATED_AT,
}


def pages(size: Size) -> Iterator[Figure]:
    """Read pages of 100, from the middle on; medians.

    Of machines: in a project with 1,000,000, beside one with 1,000; in one with 1,000 among those;
    in one with 1,000 that live and 99,000 that ended. Of providers: of a region with 100,000,
    beside one with 1,000. The peers are in another database, and in them is nothing else; both are
    asked by turns. Names and times are in another order than ids.
    """
    with databases() as new_database:
        for kind in ("sqlite", "postgresql"):
            few, many = empty(new_database, kind), empty(new_database, kind)
            machines, providers = few.write("machine", 1, FEW), few.write("provider", 2, FEW)
            measured = {
                "list": (machines, many.write("machine", 1, size.objects)),
                "list_few_among_many": (machines, many.write("machine", 2, FEW)),
                "list_living": (machines, many.write("machine", 3, FEW * ENDED, ENDED)),
                "list_of_region": (
                    providers,
                    many.write("provider", 4, min(size.objects, FEW * ENDED)),
                ),
            }
            with served(few.where) as (ask_few, _), served(many.where) as (ask_many, _):
                for name, (of_few, of_many) in measured.items():
                    for order in ORDERS:
                        small, large = medians_ms(
                            size.list_rounds,
                            _page(ask_few, few, of_few, order),
                            _page(ask_many, many, of_many, order),
                        )
                        yield Figure(
                            "api",
                            f"{name}_by_{order}_{kind}",
                            "ms",
                            large,
                            peer=f"where there are {FEW}",
                            peer_value=small,
                            target=Target("at most", ratio=1.5),
                        )


def _page(channel: grpc.Channel, filled: Filled, batch: Batch, order: str) -> Callable[[], Any]:
    """Ask for the page that begins in the middle."""
    request: Any
    answer: Any
    if batch.noun == "machine":
        request = control_pb2.ListMachinesRequest(project=batch.owner)
        answer, service = control_pb2.ListMachinesResponse, "mulligan.control.v1.ControlService"
    else:
        request = resource_pb2.ListProvidersRequest(region=batch.owner)
        answer, service = resource_pb2.ListProvidersResponse, "mulligan.resource.v1.ResourceService"
    verb, field = f"List{batch.noun.title()}s", f"{batch.noun}s"
    request.order_by, request.page.size = ORDERS[order], PAGE
    token = answer(next_page_token=token_of(*batch.middles[order]))
    close_token(token, request, f"{service}.{verb}", filled.where.account)
    request.page.token = token.next_page_token
    ask = asking(channel, service, verb, lambda: request, answer, filled.where.token)

    def whole() -> Any:
        page = ask()
        if len(getattr(page, field)) != PAGE:
            raise NotMeasuredError(f"a page has {len(getattr(page, field))} {field} of {PAGE}")
        return page

    return whole
