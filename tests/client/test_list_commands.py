"""mulligan ... list, ordered and narrowed."""

import pytest
from google.protobuf.message_factory import GetMessageClass

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import FakeMulligan
from tests.fakes.caller import METHODS

pytestmark = pytest.mark.usefixtures("logged_in")

COMMANDS = {
    "ListAccounts": "account",
    "ListApplicationCredentials": "app-credential",
    "ListCapabilities": "capability",
    "ListClaims": "claim",
    "ListDistanceTypes": "distance-type",
    "ListGroups": "group",
    "ListHosts": "host",
    "ListImages": "image",
    "ListMachines": "machine",
    "ListMetadefs": "metadef",
    "ListNetworks": "network",
    "ListOperations": "operation",
    "ListProjectHosts": "host",
    "ListProjectServers": "server",
    "ListProjects": "project",
    "ListProviderTypes": "provider-type",
    "ListProviders": "provider",
    "ListRegions": "region",
    "ListReservationSeries": "reservation series",
    "ListReservations": "reservation",
    "ListResourceTypes": "resource-type",
    "ListServers": "server",
}
OWNED = {"ListProjectHosts", "ListProjectServers"}
"""They are asked for with --project by commands that list all otherwise."""
UNNAMED = {"claim", "metadef", "operation", "reservation series", "reservation"}
WITH_STATES = {"host", "machine", "operation", "reservation series", "reservation", "server"}


def test_whatever_can_be_ordered_has_a_command() -> None:
    ordered = {n for n, one in METHODS.items() if "order_by" in one.input_type.fields_by_name}
    assert ordered == COMMANDS.keys()


@pytest.mark.parametrize("rpc", COMMANDS)
def test_a_list_is_ordered_and_narrowed_as_it_is_said(
    run: Run, fake: FakeMulligan, rpc: str
) -> None:
    noun = COMMANDS[rpc]
    given = ["--order-by", "created_at", "--descending", "--created-since", "2026-11-20T18:00Z"]
    given += [] if noun in UNNAMED else ["--name-prefix", "web"]
    given += ["--state", "active", "--state", "failed"] if noun in WITH_STATES else []
    given += ["--project", "default"] if rpc in OWNED else []
    fake.on(rpc, GetMessageClass(METHODS[rpc].output_type)())
    result = run(*noun.split(), "list", *given)
    assert result.exit_code == 0, result.stderr
    asked = fake.asked(rpc)[-1]
    assert (asked.order_by, asked.descending) == (common_pb2.ORDER_BY_CREATED_AT, True)
    assert asked.filter.created_since.ToJsonString() == "2026-11-20T18:00:00Z"
    assert not asked.filter.HasField("created_until")
    assert asked.filter.name_prefix == ("" if noun in UNNAMED else "web")
    assert list(asked.filter.states) == (["active", "failed"] if noun in WITH_STATES else [])


@pytest.mark.parametrize("noun", sorted(UNNAMED))
def test_what_has_no_name_is_not_ordered_by_it(run: Run, noun: str) -> None:
    result = run(*noun.split(), "list", "--order-by", "name")
    assert result.exit_code == Exit.USAGE
    assert "created_at" in result.stderr
