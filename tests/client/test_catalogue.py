"""Where the catalogue lets a token go."""

from typing import Any

import pytest

from mulligan_client.catalogue import Catalogue
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.transport import Target, open_channel
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
        # What is this machine on any network, and what DNS may say is another one.
        *[
            (f"http://{host}:1", iam, True)
            for host in ("127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "Localhost.", "a.localhost")
            for iam in ("127.0.0.1:9", "[::1]:9", "localhost:9", "http://a.localhost:9")
        ],
        *[
            (f"{scheme}://{host}:1", iam, scheme == "https")
            for scheme in ("http", "https")
            for host in ("localhost.berlin.lan", "localhost4", "ip6-localhost.lan", "127.1")
            for iam in ("127.0.0.1:9", "[::1]:9", "localhost:9")
        ],
        ("http://[64:ff9b::7f00:1]:1", "127.0.0.1:9", False),
        ("http://127.0.0.1:1", "https://localhost.berlin.lan:9", False),
        ("https://127.0.0.1:1", "http://localhost.berlin.lan:9", False),
        ("http://berlin:7600", "http://localhost.berlin.lan:9", False),
        ("https://berlin:7600", "https://localhost.berlin.lan:9", True),
        ("http://unix:1", "http://iam.lan:9", True),
        ("https://[fe80::1%eth0]:1", "https://iam.lan:9", True),
        *[
            (f"{scheme}://{host}:1", f"{scheme}://iam.lan:9", False)
            for scheme in ("http", "https")
            for host in (
                # This machine, however it is written.
                *("127.0.0.1", "127.1", "127.0.0.1.", "0x7f.1", "0X7F.1", "0177.0.0.01"),
                *("2130706433", "017700000001", "0x7f000001", "127.255.0.9", "0", "0.0.0.0"),
                *("[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
                *("[::FFFF:0.0.0.0]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]"),
                *("[64:ff9b::7f00:1]", "localhost", "LocalHost", "localhost.", "a.localhost"),
                *("localhost.localdomain", "ip6-localhost", "localhost.berlin.lan"),
                # Something that gRPC would read as another host than this is.
                *("%31%32%37.0.0.1", "%6cocalhost", "%31", "berlin%2elan", "localhos%74"),
                *("[::1%eth0]", "[::ffff:7f00%3a1]", "[::ffff:7f0%30:1]", "[1::%31]"),
                *("[fe80::1%a/b]", "me@127.0.0.1", "berlin@127.0.0.1"),
                *(
                    "me:word@berlin",
                    "@berlin",
                    "berlin/..",
                    "berlin?",
                    "\uff11\uff12\uff17.0.0.1",
                    "berl in",
                ),
                *("berlin,127.0.0.1", "b\\erlin", "-berlin", "*"),
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


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("unix", "dns:///unix:1"),
        ("Google-C2P", "dns:///google-c2p:1"),
        ("[fe80::1%eth0]", "dns:///[fe80::1%eth0]:1"),
    ],
)
def test_a_host_is_a_host_whatever_it_is_called(host: str, target: str) -> None:
    with open_channel(Target.parse(f"http://{host}:1"), None) as channel:
        inner: Any = channel
        assert inner._channel.target().decode() == target
