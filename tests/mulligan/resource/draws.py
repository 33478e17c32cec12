"""What the oracle's test draws: fleets, and steps that are taken with them."""

from hypothesis import strategies as st

from tests.mulligan.resource.model import Pool

CODES = ["machine", "rack", "row", "site"]
CAPABILITIES = ["virt:kvm", "storage:ssd"]
MARGINS = {"box": 0, "card": 1, "pool": 2}
"""Ticks of each provider type."""

# Small and crowded, so that most steps meet others; oddities are there, but seldom. What is named
# is named by number, and counted round.
numbers = st.integers(0, 11)
pools = st.builds(
    Pool,
    total=st.integers(2, 4),
    reserved=st.sampled_from([0, 0, 0, 1]),
    least=st.sampled_from([1, 1, 1, 1, 2]),
    most=st.sampled_from([9, 9, 9, 3, 2]),
    step=st.sampled_from([1, 1, 1, 1, 2]),
    ratio=st.sampled_from(["1", "1", "1", "1.15", "1.5", "0.5"]),
)
providers = st.fixed_dictionaries(
    {
        "below": st.sampled_from([None, 0, 0, 1, 2]),
        "type": st.sampled_from(["box", "box", "card", "pool"]),
        "pools": st.one_of(
            st.fixed_dictionaries({"VCPU": pools}),
            st.fixed_dictionaries({"VCPU": pools, "GPU": pools}),
        ),
        "capabilities": st.sets(st.sampled_from(CAPABILITIES)),
        "cores": st.sampled_from([None, 4, 8]),
        "owner": st.sampled_from([None] * 6 + [0, 1]),
        "region": st.sampled_from([0, 0, 1, 2]),
    }
)
regions = st.fixed_dictionaries(
    {
        "below": st.sampled_from([None, 0, 0, 1]),
        "power": st.sets(st.sampled_from(["feed-a", "feed-b"]), max_size=2),
        "shown_to": st.sampled_from([None, None, None, set(), {0}, {1}]),
    }
)
few = st.sets(st.integers(0, 4), max_size=2)
fleets = st.fixed_dictionaries(
    {
        "providers": st.lists(providers, min_size=1, max_size=4),
        "groups": st.lists(st.tuples(few, few), max_size=2),
        "said": st.lists(st.tuples(numbers, numbers, st.integers(0, 3)), max_size=3),
        "regions": st.one_of(st.just([]), st.lists(regions, min_size=1, max_size=3)),
    }
)
ranges = st.sampled_from([(0, 5), (5, 9), (8, 8)])
traits = st.one_of(
    st.tuples(st.just("capability"), numbers),
    st.tuples(st.just("property"), ranges),
    st.tuples(st.just("group"), numbers),
)
demands = st.one_of(
    st.tuples(st.just("need"), traits),
    st.tuples(st.just("ban"), traits),
    st.tuples(st.just("any"), st.sampled_from(["capability", "property", "group"]), ranges),
    st.tuples(st.just("only"), st.sampled_from(["provider", "type"]), numbers),
    st.tuples(st.just("far"), st.booleans(), st.integers(0, 3), numbers),
    st.tuples(st.just("apart"), st.booleans(), st.integers(0, 3), numbers),
    st.tuples(st.just("isolated"), numbers),
    st.tuples(st.just("alone")),
)
wanted = st.fixed_dictionaries(
    {
        "amounts": st.sampled_from(
            [{"VCPU": 1}, {"VCPU": 2}, {"VCPU": 2}, {"GPU": 2}, {"VCPU": 1, "GPU": 1}, {}]
        ),
        "across": st.sampled_from([False, False, True]),
        "demands": st.one_of(st.just([]), st.just([]), st.lists(demands, max_size=2)),
    }
)
asks = st.fixed_dictionaries(
    {
        "do": st.just("ask"),
        "groups": st.one_of(
            st.lists(wanted, min_size=1, max_size=1), st.lists(wanted, min_size=1, max_size=3)
        ),
        "subtree": st.sampled_from([False, False, True]),
        "placement": st.sampled_from(["spread", "pack", "nearest"]),
        "near": numbers,
        "project": st.sampled_from([0, 0, 1]),
        "ahead": st.integers(-2, 5),
        "length": st.sampled_from([1, 2, 3, 4, 5, 6, 8, None]),
        "hold": st.sampled_from([None, None, 1, 3, 6]),
        "machine": st.sampled_from([True, True, False]),
        "region": st.sampled_from([0, 0, 0, 1]),
        "or_below": st.sampled_from([True, True, False]),
        "domains": st.one_of(
            st.just([]), st.lists(st.tuples(st.booleans(), numbers), min_size=1, max_size=2)
        ),
    }
)
others = st.fixed_dictionaries(
    {
        "do": st.sampled_from(
            ["confirm", "release", "wait", "wait", "wait", "again", "mark", "move"]
        ),
        "which": numbers,
        "ticks": st.sampled_from([1, 1, 2, 3, 4, -1, -2]),
        "amount": st.integers(0, 2),
    }
)
steps = st.lists(st.one_of(asks, asks, others), min_size=8, max_size=16)
