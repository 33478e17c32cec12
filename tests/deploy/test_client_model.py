"""What is read of the protos for the clients: from shapes, from options, or refused."""

from pathlib import Path

import pytest

from api.objects import INSTALLATION_TYPES, TENANT_TYPES
from deploy import protos
from deploy.clients import model
from deploy.clients.model import Api, Lead, Newer, Reference, Rpc


@pytest.fixture(scope="module")
def api() -> Api:
    """What is read of our protos; it can be, so that each RPC and id says what it is."""
    return model.read(protos.descriptors())


def rpc(api: Api, name: str) -> Rpc:
    """An RPC by its name."""
    return next(one for service in api.services for one in service.rpcs if one.name == name)


def test_only_what_has_no_request_id_or_may_not_be_repeated_says_so(api: Api) -> None:
    kinds = {one.name: one.retry for service in api.services for one in service.rpcs}
    assert [kinds[name] for name in ("GetServer", "CreateServer", "Watch", "Bootstrap")] == [
        "READ",
        "REQUEST_ID",
        "STREAM",
        "NEVER",
    ]
    changing = ("Create", "Update", "Delete", "Set", "Mark", "Provision", "Revoke")
    assert {kind for name, kind in kinds.items() if name.startswith(changing)} == {"REQUEST_ID"}


def test_what_comes_in_pages_is_told_by_its_answer(api: Api) -> None:
    paged = {one.name for service in api.services for one in service.rpcs if one.pages}
    assert rpc(api, "ListMachines").pages is not None
    assert {name for name in paged if not name.startswith("List")} == set()
    for name in paged:
        assert "page" in rpc(api, name).descriptor.input_type.fields_by_name


def test_the_nearest_field_leads_to_the_site(api: Api) -> None:
    assert rpc(api, "CreateServer").leads == (Lead(True, ("region",)),)
    assert rpc(api, "CreateClaim").leads[0] == Lead(True, ("spec", "region"))
    assert rpc(api, "GetOperation").leads == (Lead(False, ("id",)),)
    assert rpc(api, "UpdateProviders").leads == (Lead(False, ("changes", "id")),)
    assert rpc(api, "ListMachines").leads == ()
    assert rpc(api, "AssignRole").leads == ()
    assert [service.noun for service in api.services if service.of_installation] == ["iam"]


def test_names_are_looked_for_where_the_server_has_them(api: Api) -> None:
    naming = {one.type: one.naming for one in api.objects.values()}
    assert {kind for kind, one in naming.items() if one == "INSTALLATION"} == {*INSTALLATION_TYPES}
    assert {kind for kind, one in naming.items() if one == "PROJECT"} == {*TENANT_TYPES}
    assert Reference(("spec", "nics", "network"), ("network",)) in (
        rpc(api, "ProvisionMachine").references
    )


def test_ids_are_found_where_no_rule_is_the_usual_one(api: Api) -> None:
    assert Reference(("changes", "under"), ("provider",)) in rpc(api, "UpdateProviders").references
    groups = ("spec", "groups", "groups")
    of_groups = [
        one.path
        for one in rpc(api, "CreateClaim").references
        if one.path[:3] == groups and one.types == ("group",)
    ]
    assert of_groups == [(*groups, "require"), (*groups, "forbid"), (*groups, "any", "names")]


ASKED = """
syntax = "proto3";
package mulligan.test.v1;
import "mulligan/common/v1/common.proto";
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
enum Colour {{
  COLOUR_UNSPECIFIED = 0;
  COLOUR_RED = 1 [(mulligan.common.v1.value_since) = "0.3.0"];
}}
message Spec {{
  Colour colour = 1;
  string note = 2 [(mulligan.common.v1.field_since) = "0.2.0"];
  Spec within = 3 [(mulligan.common.v1.field_since) = "0.5.0"];
  google.protobuf.Duration wait = 4 [(mulligan.common.v1.field_since) = "0.6.0"];
  map<string, Spec> by_name = 5 [(mulligan.common.v1.field_since) = "0.7.0"];
}}
message AskRequest {{ {fields} }}
message AskResponse {{}}
service AskService {{
  rpc {name}(AskRequest) returns (AskResponse) {{
    option (mulligan.common.v1.since) = "0.4.0";
    option (mulligan.common.v1.access) = {{role: ROLE_READER, scope: SCOPE_NONE}};
  }}
}}
"""


def of_a_proto(folder: Path, name: str, fields: str) -> Api:
    """What is read of one RPC and what we share."""
    shared = Path("mulligan/common/v1/common.proto")
    for path, text in (
        (shared, protos.PROTO.joinpath(shared).read_text()),
        (Path("mulligan/test/v1/test.proto"), ASKED.format(name=name, fields=fields)),
    ):
        folder.joinpath(path).parent.mkdir(parents=True)
        folder.joinpath(path).write_text(text)
    return model.read(protos.descriptors(folder))


def test_what_is_newer_is_found_however_deep_it_is(
    tmp_path: Path,
) -> None:
    read = of_a_proto(tmp_path, "GetThing", "Spec spec = 1;")
    assert rpc(read, "GetThing").since == "0.4.0"
    assert rpc(read, "GetThing").newer == (
        Newer(("spec", "colour"), "0.3.0", 1),
        Newer(("spec", "note"), "0.2.0"),
        Newer(("spec", "within"), "0.5.0"),
        Newer(("spec", "wait"), "0.6.0"),
        Newer(("spec", "by_name"), "0.7.0"),
    )


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("Frobnicate", "", "has no request_id; say .*retry"),
        (
            "GetThing",
            "string whose = 1 [(buf.validate.field).string.uuid = true];",
            "AskRequest.whose holds ids of what",
        ),
        (
            "GetThing",
            'string whose = 1 [(mulligan.common.v1.refers_to) = "nobody"];',
            "AskRequest.whose refers to .*nobody",
        ),
        ("GetThing", "string machine_id = 1;", "AskRequest.machine_id speaks of ids"),
        ("GetThing", "\n// UUIDs of groups.\nSpec whose = 1;", "AskRequest.whose speaks of ids"),
    ],
)
def test_what_neither_shape_nor_option_tells_is_refused(
    tmp_path: Path, name: str, fields: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        of_a_proto(tmp_path, name, fields)
