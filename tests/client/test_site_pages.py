"""Lists of several sites, page by page."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mulligan_client.errors import MulliganCallError
from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.methods import Method
from tests.client.sites import NORTH, SOUTH, TWO, World
from tests.client.test_routing import list_hosts, metadata


def test_page_tokens_say_at_which_site_a_list_goes_on() -> None:
    def do(address: str, method: Method, request: Any) -> control_pb2.ListHostsResponse:
        host = control_pb2.Host(metadata=metadata(f"{address}{request.page.token}"))
        more = "se/cond" if address == NORTH and not request.page.token else ""
        return control_pb2.ListHostsResponse(hosts=[host], next_page_token=more, revision=7)

    caller, found, token = World(*TWO, do=do).caller(), list[str](), ""
    for _ in range(3):
        page = list_hosts(caller, page={"token": token})
        found += [one.metadata.id for one in page.hosts]
        token = page.next_page_token
        assert page.revision == 0
    assert found == [NORTH, f"{NORTH}se/cond", SOUTH]
    assert token == ""
    assert list_hosts(caller, region="south").revision == 7
    for foreign in ("Zm9v", "west/Zm9v", "at:west/Zm9v"):
        with pytest.raises(MulliganCallError, match="start from the first page"):
            list_hosts(caller, page={"token": foreign})


def test_operations_of_all_sites_come_newest_first() -> None:
    moments = {NORTH: [9, 4, 3], SOUTH: [8, 7, 1]}

    def do(address: str, method: Method, request: Any) -> control_pb2.ListOperationsResponse:
        start = int(request.page.token or 0)
        end = start + request.page.size
        rows = [
            control_pb2.Operation(metadata=metadata(str(at), at))
            for at in moments[address][start:end]
        ]
        more = str(end) if end < len(moments[address]) else ""
        return control_pb2.ListOperationsResponse(operations=rows, next_page_token=more)

    caller, found, token = World(*TWO, do=do).caller(), list[list[str]](), ""
    while token or not found:
        request = control_pb2.ListOperationsRequest(page=common_pb2.Page(size=2, token=token))
        method, answer = methods.CONTROL_LIST_OPERATIONS, control_pb2.ListOperationsResponse
        page = caller.unary(method, request, answer, None)
        found.append([one.metadata.id for one in page.operations])
        token = page.next_page_token
    assert found == [["9", "8"], ["7", "4"], ["3", "1"]]


def test_an_order_over_sites_holds_where_a_page_ends_early() -> None:
    has = {NORTH: [1, 2, 3, 4], SOUTH: [5, 6, 7, 8]}

    def do(address: str, method: Method, request: Any) -> control_pb2.ListHostsResponse:
        start = int(request.page.token or 0)
        end = start + min(request.page.size, 2 if address == NORTH else 9)
        rows = [control_pb2.Host(metadata=metadata(str(at), at)) for at in has[address][start:end]]
        more = str(end) if end < 4 else ""
        return control_pb2.ListHostsResponse(hosts=rows, next_page_token=more)

    caller, found, token = World(*TWO, do=do).caller(), list[list[str]](), ""
    while token or not found:
        page = list_hosts(
            caller, page={"size": 4, "token": token}, order_by=common_pb2.ORDER_BY_CREATED_AT
        )
        found.append([one.metadata.id for one in page.hosts])
        token = page.next_page_token
    assert found == [["1", "2"], ["3", "4", "5", "6"], ["7", "8"]]


@pytest.mark.parametrize("order", ["NAME", "ID", "CREATED_AT"])
def test_words_of_all_sites_come_in_one_order(order: str) -> None:
    """They have no metadata; here, those that come first in the alphabet are the newest."""
    by_time, has = order == "CREATED_AT", {NORTH: "ace", SOUTH: "bdf"}

    def do(address: str, method: Method, request: Any) -> resource_pb2.ListCapabilitiesResponse:
        rows = [
            resource_pb2.Capability(name=one, created_at=Timestamp(seconds=999 - ord(one)))
            for one in sorted(has[address], reverse=by_time)
        ]
        return resource_pb2.ListCapabilitiesResponse(capabilities=rows)

    order_by = common_pb2.OrderBy.Value(f"ORDER_BY_{order}")
    request = resource_pb2.ListCapabilitiesRequest(order_by=order_by)
    method, answer = methods.RESOURCE_LIST_CAPABILITIES, resource_pb2.ListCapabilitiesResponse
    page = World(*TWO, do=do).caller().unary(method, request, answer, None)
    assert [one.name for one in page.capabilities] == sorted("abcdef", reverse=by_time)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 0])
def test_what_has_a_tag_is_told_once_whichever_sites_have_it(size: int) -> None:
    """Upper or lower case, at the end of a page or behind what the caller does not see."""
    has = {
        NORTH: ["a.", "B", "b2.", "c", "d", "e"],
        SOUTH: ["A", "a.", "b", "b1", "b3.", "c", "d.", "e", "f"],
    }

    def do(address: str, method: Method, request: Any) -> meta_pb2.ListObjectsByTagResponse:
        start = int(request.page.token or 0)
        end = start + request.page.size
        rows = [
            meta_pb2.TaggedObject(object_id=one)
            for one in has[address][start:end]
            if "." not in one
        ]
        more = str(end) if end < len(has[address]) else ""
        return meta_pb2.ListObjectsByTagResponse(objects=rows, next_page_token=more, revision=7)

    caller, found, token, is_over = World(*TWO, do=do).caller("meta"), list[str](), "", False
    while not is_over:
        request = meta_pb2.ListObjectsByTagRequest(page=common_pb2.Page(size=size, token=token))
        method, answer = methods.META_LIST_OBJECTS_BY_TAG, meta_pb2.ListObjectsByTagResponse
        page = caller.unary(method, request, answer, None)
        assert len(page.objects) <= (size or 9)
        assert page.revision == 0
        found += [one.object_id.lower() for one in page.objects]
        token, is_over = page.next_page_token, not page.next_page_token
    assert found == ["a", "b", "b1", "c", "d", "e", "f"]
