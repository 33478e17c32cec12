"""Networks: what operators may say of them, and how addresses are claimed in time."""

from typing import Any

import pytest

from mulligan.database import Database
from mulligan.resource import networks
from mulligan.resource.networks import NetworkSpec, NicWanted
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
    NotFoundError,
)
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    fleet = Fleet(database)
    fleet.add(VCPU=1000)
    return fleet


def get(fleet: Fleet, network: str, **options: Any) -> networks.Network:
    return fleet.database.read(lambda s: networks.get_network(s, network, now=fleet.now, **options))


def addresses(fleet: Fleet, *nics: NicWanted, **options: Any) -> list[str]:
    claim = fleet.claim(options.pop("when", None), VCPU=1, nics=nics, **options)
    return [nic.address for nic in claim.addresses]


class TestSpec:
    @pytest.mark.parametrize(
        ("spec", "field"),
        [
            ({"prefix": "10.0.2.0"}, "prefix"),
            ({"prefix": "10.0.2.5/24"}, "prefix"),
            ({"prefix": "10.0.2.5/32"}, "prefix"),
            ({"prefix": "nonsense"}, "prefix"),
            ({"gateway": "10.0.3.1"}, "gateway"),
            ({"gateway": "10.0.2.0"}, "gateway"),
            ({"gateway": "10.0.2.255"}, "gateway"),
            ({"gateway": "fe80::1"}, "gateway"),
            ({"gateway": "10.0.2.9", "first_address": "10.0.2.5"}, "gateway"),
            ({"first_address": "10.0.2.0"}, "first_address"),
            ({"last_address": "10.0.2.255"}, "last_address"),
            ({"last_address": "10.0.3.1"}, "last_address"),
            ({"first_address": "10.0.2.9", "last_address": "10.0.2.8"}, "last_address"),
            ({"dns": ("dns.example",)}, "dns"),
            ({"vlan": 4095}, "vlan"),
            ({"vlan": -1}, "vlan"),
            ({"host_bridge": "a bridge"}, "host_bridge"),
            ({"host_bridge": "b" * 16}, "host_bridge"),
        ],
    )
    def test_bad_values_are_refused_by_field(self, spec: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidArgumentError) as caught:
            NetworkSpec(**{"prefix": "10.0.2.0/24", **spec})
        assert caught.value.details["field"] == f"spec.{field}"

    @pytest.mark.parametrize(
        ("spec", "first", "last"),
        [
            ({"prefix": "10.0.2.0/24"}, "10.0.2.1", "10.0.2.254"),
            ({"prefix": "10.0.2.0/24", "gateway": "10.0.2.1"}, "10.0.2.2", "10.0.2.254"),
            ({"prefix": "10.0.2.0/24", "gateway": "10.0.2.254"}, "10.0.2.1", "10.0.2.253"),
            ({"prefix": "10.0.2.0/31", "gateway": "10.0.2.0"}, "10.0.2.1", "10.0.2.1"),
            ({"prefix": "fd00::/126", "gateway": "fd00::1"}, "fd00::2", "fd00::3"),
        ],
    )
    def test_the_range_is_what_machines_can_have(
        self, spec: dict[str, Any], first: str, last: str
    ) -> None:
        found = NetworkSpec(**spec)
        assert (found.first_address, found.last_address) == (first, last)


class TestNetwork:
    def test_one_link_has_no_overlapping_networks(self, fleet: Fleet) -> None:
        fleet.network("10.0.0.0/16", vlan=7)
        with pytest.raises(InvalidArgumentError, match=r"overlaps 10\.0\.0\.0/16") as caught:
            fleet.network("10.0.2.0/24", vlan=7)
        assert caught.value.details["field"] == "spec.prefix"
        fleet.network("10.0.2.0/24", vlan=8)
        fleet.network("10.0.2.0/24", vlan=7, host_bridge="br0")
        fleet.network("10.1.0.0/16", vlan=7)
        Fleet(fleet.database).network("10.0.2.0/24", vlan=7)

    def test_a_network_with_nics_stays(self, fleet: Fleet) -> None:
        network = fleet.network()
        claim = fleet.claim(window(10, 20), VCPU=1, nics=[NicWanted(network, "dhcp")])  # type: ignore[arg-type]

        def delete() -> None:
            fleet.database.write(lambda s: networks.delete_network(s, network, now=fleet.now))

        with pytest.raises(FailedPreconditionError, match=claim.id):
            delete()
        fleet.now = at(20)
        delete()
        with pytest.raises(NotFoundError):
            get(fleet, network)

    def test_it_is_read_with_its_use_now(self, fleet: Fleet) -> None:
        network = fleet.network("10.0.2.0/24", gateway="10.0.2.1", dns=("9.9.9.9",), vlan=3)
        addresses(fleet, NicWanted(network), when=window(0, 10))
        addresses(fleet, NicWanted(network), when=window(10, 20))
        found = get(fleet, network)
        assert (found.addresses, found.addresses_used) == (253, 1)
        assert (found.spec.dns, found.spec.vlan) == (("9.9.9.9",), 3)
        page = fleet.database.read(
            lambda s: networks.list_networks(s, region=fleet.region, now=fleet.now)
        )
        assert page.items == [found]

    def test_another_projects_network_looks_as_if_it_did_not_exist(self, fleet: Fleet) -> None:
        network = new_id()
        fleet.database.write(
            lambda s: networks.create_network(
                s,
                id=network,
                region=fleet.region,
                spec=NetworkSpec("10.0.2.0/24"),
                project=new_id(),
            )
        )
        with pytest.raises(NotFoundError):
            get(fleet, network, project=fleet.project)
        with pytest.raises(InvalidArgumentError, match="there is no network"):
            addresses(fleet, NicWanted(network))


class TestAddresses:
    def test_auto_takes_the_lowest_that_is_free_in_the_window(self, fleet: Fleet) -> None:
        auto = NicWanted(fleet.network("10.0.2.0/24", gateway="10.0.2.1"))
        assert addresses(fleet, auto, auto, when=window(0, 10)) == ["10.0.2.2", "10.0.2.3"]
        assert addresses(fleet, auto, when=window(5, 15)) == ["10.0.2.4"]
        assert addresses(fleet, auto, when=window(10, 20)) == ["10.0.2.2"]

    def test_static_takes_the_given_one_and_dhcp_none(self, fleet: Fleet) -> None:
        network = fleet.network("10.0.2.0/24", gateway="10.0.2.1")
        static = NicWanted(network, networks.AddressMode.STATIC, "10.0.2.2")
        dhcp = NicWanted(network, networks.AddressMode.DHCP)
        assert addresses(fleet, NicWanted(network), static, dhcp) == ["10.0.2.3", "10.0.2.2", ""]

    @pytest.mark.parametrize("address", ["10.0.3.1", "10.0.2.1", "10.0.2.99"])
    def test_static_keeps_to_the_range(self, fleet: Fleet, address: str) -> None:
        network = fleet.network("10.0.2.0/24", gateway="10.0.2.1", last_address="10.0.2.9")
        nics = [NicWanted(network), NicWanted(network, networks.AddressMode.STATIC, address)]
        with pytest.raises(
            InvalidArgumentError, match=r"from 10\.0\.2\.2 to 10\.0\.2\.9"
        ) as caught:
            addresses(fleet, *nics)
        assert caught.value.details["field"] == "nics[1].address"

    def test_a_taken_address_says_until_when(self, fleet: Fleet) -> None:
        network = fleet.network("10.0.2.0/24")
        static = NicWanted(network, networks.AddressMode.STATIC, "10.0.2.7")
        addresses(fleet, static, when=window(0, 10))
        with pytest.raises(NoCapacityError) as caught:
            addresses(fleet, static, when=window(5, 15))
        assert caught.value.details["last_straw"] == "address 10.0.2.7 free in the window"
        assert caught.value.details["earliest"] == at(10).isoformat()
        assert addresses(fleet, static, when=window(10, 15)) == ["10.0.2.7"]
        with pytest.raises(InvalidArgumentError, match="two NICs"):
            addresses(fleet, static, static, when=window(20, 25))

    def test_an_exhausted_network_is_explained(self, fleet: Fleet) -> None:
        auto = NicWanted(fleet.network("10.0.2.0/29", gateway="10.0.2.1"))
        addresses(fleet, auto, auto, auto, when=window(0, 10))
        addresses(fleet, auto, when=window(0, 20))
        with pytest.raises(NoCapacityError) as caught:
            addresses(fleet, auto, auto, when=window(5, 15))
        assert "free in the window: 4 removed, 1 left" in caught.value.message
        assert caught.value.details["field"] == "nics[1].address"
        assert caught.value.details["earliest"] == at(10).isoformat()
        assert len(addresses(fleet, auto, auto, when=window(10, 20))) == 2
        with pytest.raises(NoCapacityError) as caught:
            addresses(fleet, *[auto] * 6)
        assert caught.value.details["earliest"] == "never"

    def test_addresses_follow_their_claim(self, fleet: Fleet) -> None:
        auto = NicWanted(fleet.network("10.0.2.0/30", gateway="10.0.2.1"))
        addresses(fleet, auto, hold_until=at(5))
        fleet.now = at(5)
        claim = fleet.claim(VCPU=1, nics=[auto], hold_until=at(9))
        fleet.confirm(claim)
        fleet.now = at(10)
        assert get(fleet, auto.network).addresses_used == 1
        fleet.release(claim)
        assert get(fleet, auto.network).addresses_used == 0
        assert addresses(fleet, auto) == ["10.0.2.2"]

    def test_macs_are_derived_and_locally_administered(self, fleet: Fleet) -> None:
        dhcp = NicWanted(fleet.network(), networks.AddressMode.DHCP)
        claim = fleet.claim(VCPU=1, nics=[dhcp, dhcp])
        macs = [nic.mac for nic in claim.addresses]
        assert len(set(macs)) == 2
        assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)
        assert [nic.mac for nic in fleet.read(claim).addresses] == macs

    def test_a_network_is_of_the_claims_region(self, fleet: Fleet) -> None:
        with pytest.raises(InvalidArgumentError, match="region") as caught:
            addresses(fleet, NicWanted(Fleet(fleet.database).network()))
        assert caught.value.details["field"] == "nics[0].network"

    @pytest.mark.parametrize(
        ("mode", "address", "field"),
        [
            ("static", "", "nics.address"),
            ("auto", "10.0.2.2", "nics.address"),
            ("static", "ten", "nics.address"),
            ("magic", "", "nics.mode"),
        ],
    )
    def test_mode_and_address_go_together(self, mode: Any, address: str, field: str) -> None:
        with pytest.raises(InvalidArgumentError) as caught:
            NicWanted(new_id(), mode, address)
        assert caught.value.details["field"] == field
