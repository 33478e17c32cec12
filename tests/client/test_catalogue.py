"""Where the catalogue lets a token go."""

import pytest

from mulligan_client.catalogue import Catalogue
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.transport import Target
from tests.client.sites import site


@pytest.mark.parametrize(
    ("told", "iam", "is_trusted"),
    [
        ("https://berlin:7600", "https://iam.lan:9", True),
        ("http://berlin:7600", "https://iam.lan:9", False),
        ("http://berlin:7600", "http://iam.lan:9", True),
        # Without TLS on one machine nobody has trusted the network.
        ("http://berlin:7600", "127.0.0.1:9", False),
        ("https://berlin:7600", "127.0.0.1:9", True),
        ("http://127.0.0.1:1", "127.0.0.1:9", True),
        *[
            (f"http://{host}:1", "http://iam.lan:9", False)
            for host in (
                "127.0.0.1",
                "127.1",
                "0.0.0.0",
                "[::ffff:127.0.0.1]",
                "localhost.",
                "unix",
            )
        ],
    ],
)
def test_a_token_goes_only_where_it_may(told: str, iam: str, is_trusted: bool) -> None:
    catalogue = Catalogue(
        lambda _: iam_pb2.ListServicesResponse(sites=[site("north", told)]), Target.parse(iam)
    )
    [found] = catalogue.sites()
    assert found.addresses.get("control", ()) == ((told,) if is_trusted else ())
    assert found.untrusted == (() if is_trusted else (told,))
