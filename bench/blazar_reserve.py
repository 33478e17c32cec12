# mypy: ignore-errors
"""Reserve hosts with Blazar's own code: run by the Python of Blazar's environment, never imported.

`python blazar_reserve.py FILE HOSTS SECONDS HOURS DAYS` prints how many it reserved in how many
seconds. What looks for hosts is its host plugin, what writes its database layer, without Nova,
Placement and Keystone: a lease is what is left of it. The calendar is empty at the start.
"""

import datetime as dt
import random
import sys
import time
import uuid

from blazar import config
from blazar.db.sqlalchemy import api
from blazar.plugins.oshosts.host_plugin import PhysicalHostPlugin


def reserve(plugin, hours, days):
    """Make a lease of one host."""
    start = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0, tzinfo=None)
    start += dt.timedelta(minutes=1 + random.randrange(days * 24 * 60))
    end = start + dt.timedelta(hours=hours)
    [host] = plugin.allocation_candidates({
        "min": 1, "max": 1, "hypervisor_properties": "", "resource_properties": "",
        "start_date": start, "end_date": end,
    })  # fmt: skip
    reservation = str(uuid.uuid4())
    api.lease_create({
        "name": reservation, "user_id": "bench", "project_id": "bench", "trust_id": "bench",
        "start_date": start, "end_date": end, "events": [], "status": "PENDING",
        "reservations": [{
            "id": reservation, "resource_type": "physical:host", "status": "pending",
        }],
    })  # fmt: skip
    api.host_allocation_create({"compute_host_id": host, "reservation_id": reservation})


def main():
    """Prepare a database, and reserve for some time."""
    file, hosts, seconds, hours, days = sys.argv[1], *map(int, sys.argv[2:])
    config.CONF([], project="blazar")
    config.CONF.set_override("connection", f"sqlite:///{file}", group="database")
    api.setup_db()
    for number in range(hosts):
        api.host_create({
            "id": str(number), "availability_zone": "bench", "vcpus": 1, "cpu_info": "{}",
            "hypervisor_type": "QEMU", "hypervisor_version": 1, "memory_mb": 1, "local_gb": 1,
            "status": "free", "trust_id": "bench",
        })  # fmt: skip
    plugin = object.__new__(PhysicalHostPlugin)  # without its clients of Nova and Placement
    reserve(plugin, hours, days)
    started, count = time.monotonic(), 0
    while time.monotonic() < started + seconds:
        reserve(plugin, hours, days)
        count += 1
    print(count, time.monotonic() - started)


if __name__ == "__main__":
    main()
