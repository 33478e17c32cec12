"""Lists of what has no name of its own: registered words, and definitions of attributes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.place import Place, new_name

FIELDS = {
    "Capability": "capabilities",
    "DistanceType": "distance_types",
    "ProviderType": "provider_types",
    "ResourceType": "resource_types",
}
ORDERS: dict[str, Callable[[Any], Any]] = {
    "ORDER_BY_UNSPECIFIED": lambda one: one.name,
    "ORDER_BY_ID": lambda one: one.name,
    "ORDER_BY_NAME": lambda one: one.name,
    "ORDER_BY_CREATED_AT": lambda one: (one.created_at.ToNanoseconds(), one.name),
}


def register(place: Place, noun: str, name: str) -> Any:
    fields = {"codes": ["near", "far"]} if noun == "DistanceType" else {}
    return getattr(place.operator, f"Create{noun}")(name=name, **fields)


def in_pages(call: Callable[..., Any], field: str, **asked: Any) -> Iterator[Sequence[Any]]:
    token = None
    while token != "":
        answer = call(page={"size": 2, "token": token or ""}, **asked)
        yield getattr(answer, field)
        token = answer.next_page_token


def listed(place: Place, noun: str, **asked: Any) -> Iterator[Sequence[Any]]:
    field = FIELDS[noun]
    name = "List" + "".join(word.capitalize() for word in field.split("_"))
    return in_pages(getattr(place.operator, name), field, **asked)


def prefix_of(noun: str) -> str:
    name = new_name("w").replace("-", "_")[:11] + "_"
    return name.upper() if noun == "ResourceType" else name


@pytest.mark.parametrize("noun", FIELDS)
def test_words_are_ordered_and_filtered(place: Place, noun: str) -> None:
    prefix = prefix_of(noun)
    letters = "daceb".upper() if noun == "ResourceType" else "daceb"
    made = [register(place, noun, prefix + letter) for letter in letters]

    def shown(**asked: Any) -> list[Any]:
        chosen = {"name_prefix": prefix, **asked.pop("filter", {})}
        return [one for page in listed(place, noun, filter=chosen, **asked) for one in page]

    for order_by, key in ORDERS.items():
        assert shown(order_by=order_by) == sorted(made, key=key)
        assert shown(order_by=order_by, descending=True) == sorted(made, key=key, reverse=True)
    at = made[2].created_at
    since, until = (shown(filter={field: at}) for field in ("created_since", "created_until"))
    assert made[2] in since
    assert sorted(since + until, key=lambda one: one.name) == shown()
    assert shown(filter={"name_prefix": made[0].name}) == [made[0]]


@pytest.mark.parametrize("order_by", ORDERS)
def test_what_comes_and_goes_makes_words_neither_skip_nor_repeat(
    place: Place, order_by: str
) -> None:
    prefix = prefix_of("Capability")
    for letter in "bdfh":
        register(place, "Capability", prefix + letter)
    walk = listed(place, "Capability", filter={"name_prefix": prefix}, order_by=order_by)
    seen = [one.name for one in next(walk)]
    for letter in "bf":
        place.operator.DeleteCapability(name=prefix + letter)
    for letter in "ai":
        register(place, "Capability", prefix + letter)
    seen += [one.name for page in walk for one in page]
    rest = "hai" if order_by == "ORDER_BY_CREATED_AT" else "hi"
    assert seen == [prefix + letter for letter in "bd" + rest]


def test_definitions_are_ordered_and_filtered(place: Place) -> None:
    admin = place.site.account(common_pb2.ROLE_ADMIN, project=place.project)
    made = [
        admin.CreateMetadef(attribute=f"attribute-{number}", project=place.project, schema="{}")
        for number in range(5)
    ]
    orders: dict[str, Callable[[Any], Any]] = {
        "ORDER_BY_ID": lambda one: one.metadata.id,
        "ORDER_BY_CREATED_AT": lambda one: (
            one.metadata.created_at.ToNanoseconds(),
            one.metadata.id,
        ),
    }

    def shown(**asked: Any) -> list[Any]:
        call, own = admin.ListMetadefs, {"project": place.project}
        rows = [one for page in in_pages(call, "metadefs", **own, **asked) for one in page]
        return [one for one in rows if one.metadata.project == place.project]

    for order_by, key in orders.items():
        assert shown(order_by=order_by) == sorted(made, key=key)
        assert shown(order_by=order_by, descending=True) == sorted(made, key=key, reverse=True)
    at = made[2].metadata.created_at
    since, until = (shown(filter={field: at}) for field in ("created_since", "created_until"))
    assert made[2] in since
    assert sorted(since + until, key=orders["ORDER_BY_ID"]) == shown()
