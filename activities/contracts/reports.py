"""How executors hand the reports of machines and ramdisks to the workflow that waits for them.

The workflow's id is the operation id. The payloads are `GuestReport`, `RamdiskFacts`,
`RamdiskProgress` and `RamdiskResult`; the update answers with a `RamdiskTask` or refuses.
"""

GUEST_REPORT = "guest_report"
"""Workflow signal with a GuestReport: the machine says that it is active."""

RAMDISK_FACTS = "ramdisk_facts"
"""Workflow signal with RamdiskFacts."""

RAMDISK_TASK = "ramdisk_task"
"""Workflow update without argument: the ramdisk asks what to do, right before it does it."""

RAMDISK_PROGRESS = "ramdisk_progress"
"""Workflow signal with a RamdiskProgress."""

RAMDISK_RESULT = "ramdisk_result"
"""Workflow signal with a RamdiskResult."""

MACHINE_STOPPED = "machine_stopped"
"""Workflow signal without argument: the hypervisor says that the machine's domain stopped."""
