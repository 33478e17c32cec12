"""Names as attack: wherever an RPC takes a name it is refused in words, or comes back exactly."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.descriptor import Descriptor

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.api.test_meta import create_providers
from tests.api.test_renaming import MAKES, update
from tests.fakes.caller import METHODS, refused
from tests.fakes.place import SEALED, SHA256, Place, at, new_name, on_sqlite
from tests.fakes.site import PASSWORD

REFUSED = (
    "x" * 10_000,
    "a\x1b[2Jb",
    "a\nb",
    "a\0b",
    "\u202egnp.exe",
    "\u200b",
    "",
    "\x7f",
    "\ud7ff\u2028",
)
TAKEN = (
    "x'; DROP TABLE names; --", '" OR 1=1 --', "%s %(name)s {0} {{7*7}} ${jndi:ldap://a}",
    "../../etc/passwd", "C:\\..\\x", "<script>alert(1)</script>", "$(reboot) `reboot` | & ;",
    "Ünïcödé 名前 🚀", "null", "-rf",
)  # fmt: skip

VLANS = count(1)
AT_ONCE = " ".join(TAKEN)
PLANNED = ("CreateReservations", "CreateReservationSeries")
"""What these make has no name, and what that will make has."""

SLOW = (*PLANNED, "CreateHost", "CreateServer", "ProvisionMachine")
"""With these a workflow runs: all that is hostile is in one name."""

IMAGE = {"url": "http://images/a.raw", "sha256": SHA256, "disk_format": "raw"}


def have_host(place: Place) -> None:
    if not place.operator.ListHosts(region=place.region).hosts:
        place.host()


def machine(place: Place, name: str) -> Any:
    have_host(place)
    operation = place.provision(name=name)
    return place.get(operation.object_id)


def reservation(place: Place, name: str) -> Any:
    have_host(place)
    spec = {
        "machine": place.spec(), "machine_name": name,
        "window": {"acquire_at": at(days=2), "release_at": at(days=2, hours=1)},
    }  # fmt: skip
    where = {"project": place.project, "region": place.region}
    [made] = place.member.CreateReservations(**where, spec=spec).reservations
    place.member.CancelReservation(project=place.project, id=made.metadata.id)
    place.site.end_of(made.operation)
    return made


def series(place: Place, name: str) -> Any:
    have_host(place)
    where = {"project": place.project, "region": place.region}
    made = place.member.CreateReservationSeries(
        **where,
        spec={"machine": place.spec(), "machine_name": name},
        recurrence={"days": ["mon"], "start": "03:00", "end": "04:00", "time_zone": "UTC"},
        ahead={"seconds": 60},
    )
    place.member.EndReservationSeries(project=place.project, id=made.metadata.id)
    return made


def providers(place: Place, name: str) -> Any:
    kind = place.operator.CreateProviderType(name=f"t{uuid4().hex[:8]}").name
    one = {"name": name, "type": kind}
    [made] = place.operator.CreateProviders(region=place.region, providers=[one]).providers
    return place.operator.GetProvider(id=made.id)


def endpoint(place: Place, noun: str, **fields: Any) -> Any:
    assert place.executor
    made = getattr(place.operator, f"Create{noun}")(region=place.region, **fields)
    place.end_of_check(made.metadata.id)
    return made


MADE: Mapping[str, Callable[[Place, str], Any]] = {
    "CreateAccount": lambda place, name: place.operator.CreateAccount(name=name, password=PASSWORD),
    "CreateApplicationCredential": lambda place, name: place.operator.CreateApplicationCredential(
        name=name, secret=2 * str(uuid4()), roles=[{"role": common_pb2.ROLE_READER}]
    ),
    "CreateGroup": lambda place, name: place.operator.CreateGroup(name=name, region=place.region),
    "CreateHost": lambda place, name: endpoint(
        place, "Host", name=name, spec={"uri": f"test:///default?{uuid4()}"}
    ),
    "CreateImage": lambda place, name: place.operator.CreateImage(
        name=name, region=place.region, spec=IMAGE
    ),
    "CreateNetwork": lambda place, name: place.operator.CreateNetwork(
        name=name, region=place.region, spec={"prefix": "10.0.0.0/24", "vlan": next(VLANS)}
    ),
    "CreateProject": lambda place, name: place.operator.CreateProject(name=name),
    "CreateProviders": providers,
    "CreateRegion": lambda place, name: place.operator.CreateRegion(name=name),
    "CreateReservations": reservation,
    "CreateReservationSeries": series,
    "CreateServer": lambda place, name: endpoint(
        place,
        "Server",
        name=name,
        id=str(uuid4()),
        spec={"address": f"https://{uuid4()}", "sealed_credentials": SEALED},
    ),
    "ProvisionMachine": machine,
}

INSTALLATION = (
    "CreateAccount",
    "CreateApplicationCredential",
    "CreateProject",
    "CreateRegion",
)
"""What these make is named once in the whole installation."""

SLUG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
REGISTERED = ("CreateCapability", "CreateDistanceType", "CreateProviderType", "CreateResourceType")
"""What these take is a word with a pattern of its own."""


def renamed(object_type: str) -> Callable[[Place], Callable[[str], str]]:
    """Make an object; gives what gives it another name, by its own Update, and says which."""

    def begin(place: Place) -> Callable[[str], str]:
        one = MAKES[object_type](place)
        where = {"project": place.project} if object_type == "machine" else {}
        return lambda name: str(
            update(place.operator, object_type, one, name, **where).metadata.name
        )

    return begin


def renamed_in_installation(object_type: str) -> Callable[[Place], Callable[[str], str]]:
    """The same, of what is named once in the whole installation."""

    def begin(place: Place) -> Callable[[str], str]:
        one = MADE[f"Create{object_type}"](place, new_name("named")).metadata.id
        change = getattr(place.operator, f"Update{object_type}")
        own = f" {uuid4()}"

        def rename(name: str) -> str:
            given = name + own if name in (*TAKEN, AT_ONCE) else name
            changed = change(id=one, name=given, update_mask={"paths": ["name"]})
            named = str(changed.metadata.name)
            return named.removesuffix(own)

        return rename

    return begin


def renamed_provider(rpc: str) -> Callable[[Place], Callable[[str], str]]:
    """The same, of a provider with others in one call."""

    def begin(place: Place) -> Callable[[str], str]:
        [one] = create_providers(place, new_name("disk"))

        def rename(name: str) -> str:
            getattr(place.operator, rpc)(changes=[{"id": one, "name": name}])
            return str(place.operator.GetProvider(id=one).metadata.name)

        return rename

    return begin


RENAMED: Mapping[str, Callable[[Place], Callable[[str], str]]] = {
    **{f"Update{one.title()}": renamed(one) for one in MAKES},
    **{
        f"Update{one}": renamed_in_installation(one)
        for one in ("Account", "ApplicationCredential", "Project", "Region")
    },
    **{rpc: renamed_provider(rpc) for rpc in ("UpdateProviders", "ReshapeProviders")},
}

WHERE = {
    **dict.fromkeys(PLANNED, "spec.machine_name"),
    "CreateProviders": "providers[0].name",
    "UpdateProviders": "changes[0].name",
    "ReshapeProviders": "changes[0].name",
}
"""The path of the name in a request, where it is not just `name`."""


def field_of(rpc: str) -> str:
    return WHERE.get(rpc, "name")


def names_in(
    kind: Descriptor, path: tuple[str, ...] = (), above: tuple[Descriptor, ...] = ()
) -> Iterator[str]:
    """The paths of the fields of a request, however deep, that name something."""
    for field in kind.fields:
        inner = field.message_type
        if field.name in ("name", "machine_name") and inner is None:
            yield ".".join((*path, field.name))
        if inner is not None and inner not in above and field.name != "groups":
            yield from names_in(inner, (*path, field.name), (*above, inner))


def test_every_field_that_names_something_is_tried() -> None:
    """Besides these, Deletes name what is registered, and groups of a request name themselves."""
    takes = {
        (rpc, path)
        for rpc, method in METHODS.items()
        for path in names_in(method.input_type)
        if not rpc.startswith("Delete") and rpc != "UpdateProviderType"
    }
    tried = {(rpc, field_of(rpc).replace("[0]", "")) for rpc in (*MADE, *RENAMED, *REGISTERED)}
    assert takes == tried


@pytest.mark.parametrize("rpc", MADE)
def test_a_name_that_is_taken_comes_back_exactly(place: Place, rpc: str) -> None:
    for name in (AT_ONCE,) if rpc in SLOW else TAKEN:
        own = f"{name} {uuid4()}" if rpc in INSTALLATION else name
        made = MADE[rpc](place, own)
        if rpc in PLANNED:
            assert made.spec.machine_name == own
            continue
        assert made.metadata.name == own
        assert set(made.metadata.slug) <= SLUG
        [described] = place.operator.DescribeObjects(ids=[made.metadata.id]).objects
        assert described.name == own
        [found] = place.operator.ResolveNames(
            object_type=described.object_type,
            names=[own],
            project=described.project if described.object_type == "machine" else "",
            region=place.region if described.region and described.object_type != "machine" else "",
        ).objects
        assert (found.id, found.asked) == (made.metadata.id, own)


@pytest.mark.parametrize("rpc", [*MADE, *REGISTERED])
def test_a_name_that_would_mislead_is_refused_in_words(place: Place, rpc: str) -> None:
    codes = {"codes": ["near", "far"]} if rpc == "CreateDistanceType" else {}
    for name in REFUSED:
        with refused("INVALID_ARGUMENT") as refusal:
            if rpc in MADE:
                MADE[rpc](place, name)
            else:
                getattr(place.operator, rpc)(name=name, **codes)
        assert refusal.field in (field_of(rpc), field_of(rpc).rpartition(".")[2])
        assert name not in refusal.message or not name


@pytest.mark.parametrize("rpc", RENAMED)
@on_sqlite
def test_who_has_a_name_is_given_no_such_one(place: Place, rpc: str) -> None:
    rename = RENAMED[rpc](place)
    for name in REFUSED:
        with refused("INVALID_ARGUMENT") as refusal:
            rename(name)
        assert refusal.field in (field_of(rpc), "name")
    for name in (*TAKEN, AT_ONCE):
        assert rename(name) == name
