"""Workloads of others, as shared/traces has them; without it a few rows of each format."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

SHARED = Path(__file__).parents[4] / "shared"
TRACES = SHARED / "traces"

# As the formats are, with what is odd in them; made up.
SDSC = """
; comments begin with a semicolon
1 0 10 100 32 0.1 -1 4 300 -1 1 7 -1 -1 3 -1 -1 -1
2 5 20 90 16 0.1 -1 2 90 -1 1 8 -1 -1 3 -1 -1 -1
3 30 70 -1 64 -1 -1 8 500 -1 5 9 -1 -1 3 -1 -1 -1
4 40 0 200 48 0.1 -1 6 150 -1 1 7 -1 -1 3 -1 -1 -1
5 60 100 50 32 0.1 -1 4 600 -1 1 7 -1 -1 3 -1 -1 -1
"""
HAIZEA = """set,submit_s,start_s,duration_s,nodes,cpu_per_node,memory_mib_per_node
work_05-dur_1h-size_1small,0,86400,600,5,1,1024
work_05-dur_1h-size_1small,-114,86286,300,4,1,1024
work_05-dur_1h-size_1small,600,87000,600,9,1,1024
work_30-dur_2h-size_1small-24h,0,-1205,7342,9,1,1024
"""
AZURE = """vm_id,batch_id,arrive_s,flavor,vcpu,memory_gib,lifetime_min_s,lifetime_max_s,censored
1,1,2100000,m,8,14,900,900,0
2,1,2100000,m,8,14,900,900,0
3,2,2100300,a,1,0.75,0,0,0
4,3,2100600,k,16,112,4200,7200,0
5,4,2101200,b,2,3.5,491400,491400,1
"""
OPENB_NODES = """sn,cpu_milli,memory_mib,gpu,model
node-0,64000,262144,2,P100
node-1,96000,393216,8,G2
node-2,32000,131072,0,
"""
OPENB_PODS = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
    "deletion_time,scheduled_time\n"
    "pod-0,12000,16384,8,1000,,LS,Running,0,1000,0\n"
    "pod-1,6000,12288,1,460,G2|P100,LS,Running,10,900,20\n"
    "pod-2,6000,12288,1,600,P100,BE,Succeeded,20,900,20\n"
    "pod-3,1000,2048,0,0,,LS,Pending,30,800,\n"
    "pod-4,6000,12288,2,1000,V100M16,LS,Failed,40,40,40\n"
    "pod-5,6000,12288,2,1000,G2|P100,LS,Running,50,300,60\n"
)


@dataclass(frozen=True)
class Job:
    """A batch job; one that never ran has no end."""

    submit: int
    start: int
    end: int | None
    nodes: int
    asked_s: int


@dataclass(frozen=True)
class Lease:
    """An advance reservation."""

    submit: int
    start: int
    end: int
    nodes: int


@dataclass(frozen=True)
class Machine:
    """A virtual machine; with no end it runs on when the trace is over."""

    arrive: int
    end: int | None
    vcpu: int
    memory_mib: int


@dataclass(frozen=True)
class Node:
    name: str
    cpu_milli: int
    memory_mib: int
    gpus: int
    model: str


@dataclass(frozen=True)
class Task:
    name: str
    cpu_milli: int
    memory_mib: int
    gpus: int
    gpu_milli: int
    models: tuple[str, ...]
    created: int
    deleted: int
    start: int


def read(name: str, otherwise: str) -> str:
    """A file of shared/traces, or a few rows of the same format."""
    path = TRACES / name
    return gzip.decompress(path.read_bytes()).decode() if path.exists() else otherwise


def is_there(name: str) -> bool:
    return (TRACES / name).exists()


def jobs(text: str) -> list[Job]:
    lines = (line.split() for line in text.splitlines() if line.strip() and line[0] != ";")
    fields = ([int(float(one)) for one in line] for line in lines)
    return [
        Job(f[1], f[1] + f[2], f[1] + f[2] + f[3] if f[3] > 0 else None, f[7], f[8])
        for f in fields
    ]  # fmt: skip


def leases(text: str) -> dict[str, list[Lease]]:
    """By set, in the order in which they are made."""
    found: dict[str, list[Lease]] = defaultdict(list)
    for row in _rows(text):
        submit, start = max(0, int(row["submit_s"])), int(row["start_s"])
        end = start + int(row["duration_s"])
        found[row["set"]].append(Lease(submit, start, end, int(row["nodes"])))
    return {name: sorted(rows, key=lambda one: one.submit) for name, rows in found.items()}


def batches(text: str) -> list[list[Machine]]:
    """Virtual machines that one tenant started together; those that lived for no step left out."""
    found: dict[str, list[Machine]] = defaultdict(list)
    for row in _rows(text):
        arrive, lifetime = int(row["arrive_s"]), int(row["lifetime_max_s"])
        if lifetime:
            end = None if row["censored"] == "1" else arrive + lifetime
            memory_mib = int(float(row["memory_gib"]) * 1024)
            found[row["batch_id"]].append(Machine(arrive, end, int(row["vcpu"]), memory_mib))
    return list(found.values())


def nodes(text: str) -> list[Node]:
    return [
        Node(r["sn"], int(r["cpu_milli"]), int(r["memory_mib"]), int(r["gpu"]), r["model"])
        for r in _rows(text)
    ]


def tasks(text: str) -> list[Task]:
    """In the order in which they were created."""
    found = [
        Task(
            r["name"], int(r["cpu_milli"]), int(r["memory_mib"]), int(r["num_gpu"]),
            int(r["gpu_milli"]), tuple(filter(None, r["gpu_spec"].split("|"))),
            int(r["creation_time"]), int(r["deletion_time"]),
            int(r["scheduled_time"] or r["creation_time"]),
        )
        for r in _rows(text)
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.created)


def _rows(text: str) -> Iterator[Mapping[str, str]]:
    return csv.DictReader(text.splitlines())


def peak(spans: Iterable[tuple[int, int, int]]) -> int:
    """The most that (start, end, amount) take together; ends come before starts."""
    steps: Sequence[tuple[int, int]] = sorted(
        step for start, end, n in spans for step in ((start, n), (end, -n))
    )
    return max(accumulate(n for _, n in steps), default=0)
