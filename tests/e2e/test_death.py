"""Parts that die or are stopped in the middle of a provision of each kind: it goes on, once.

The servers stay with their machines; that they can be taken back is another test's subject.
"""

import pytest

from tests.e2e.lifecycle import Lifecycle, listening
from tests.e2e.stack import Stack

pytestmark = pytest.mark.timeout(900)


def test_the_control_worker_is_killed(stack: Stack) -> None:
    server, server_id = stack.new_server()
    with listening(stack.uri) as heard:
        virtual = stack.provision("worker-virtual", "virtual")
        metal = stack.provision("worker-metal", "baremetal", provider=server_id)
        stack.wait_for_step(virtual.metadata.id, "activate")
        stack.up.kill_part("worker")
        stack.wait_for_step(metal.metadata.id, "deploy")
        stack.up.kill_part("worker")
        both_are_active(stack, virtual.metadata.id, metal.metadata.id)
    assert heard.of(virtual.object_id) == {"defined": 1, "started": 1}
    was_booted_twice(heard, server.uuid)
    there_is_one_of_each(stack, virtual.object_id, metal.object_id)


def test_the_executor_is_killed(stack: Stack) -> None:
    server, server_id = stack.new_server()
    with listening(stack.uri) as heard:
        metal = stack.provision("executor-metal", "baremetal", provider=server_id)
        stack.wait_for_step(metal.metadata.id, "deploy")
        stack.up.kill_part("executor")
        virtual = stack.provision("executor-virtual", "virtual")
        stack.wait_for_step(virtual.metadata.id, "boot")
        stack.up.kill_part("executor")
        both_are_active(stack, virtual.metadata.id, metal.metadata.id)
    assert heard.of(virtual.object_id) == {"defined": 1, "started": 1}
    was_booted_twice(heard, server.uuid)
    there_is_one_of_each(stack, virtual.object_id, metal.object_id)


def test_up_is_stopped_and_killed(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    _, server_id = stack.new_server()
    virtual = stack.provision("up-virtual", "virtual")
    metal = stack.provision("up-metal", "baremetal", provider=server_id)
    stack.wait_for_step(virtual.metadata.id, "activate")
    stack.up.stop()
    stack.start_again()
    with capsys.disabled():
        print(f"\n`mulligan up` on a warm state folder: ready after {stack.up.ready_after_s:.1f} s")
    stack.wait_for_step(metal.metadata.id, "deploy")
    stack.up.kill()
    stack.start_again()
    both_are_active(stack, virtual.metadata.id, metal.metadata.id)
    there_is_one_of_each(stack, virtual.object_id, metal.object_id)


def both_are_active(stack: Stack, virtual: str, metal: str) -> None:
    for operation in (virtual, metal):
        ended = stack.wait(operation)
        assert ended.status.state == "done", ended
        shown = stack.machine(ended.object_id)
        assert (shown.status.state, shown.reported_hostname) == ("active", shown.metadata.name)


def there_is_one_of_each(stack: Stack, virtual: str, metal: str) -> None:
    """One row and one claim for each machine, one domain for the virtual one; then it is ended."""
    in_use = stack.in_use()
    assert in_use["machines"].count(virtual) == in_use["machines"].count(metal) == 1
    for machine in (virtual, metal):
        shown = stack.machine(machine)
        assert [one.metadata.id for one in stack.machines(shown.metadata.name)] == [machine]
        assert in_use["claims"].count(shown.claim) == 1
    ours = [name for name in in_use["domains"] if name.startswith("mulligan-")]
    assert ours == [f"mulligan-{virtual}"]
    assert in_use["media"] == []
    stack.end(virtual)


def was_booted_twice(heard: Lifecycle, server: str) -> None:
    """A server starts from the ramdisk's medium, then from its disk, and is never made anew."""
    assert heard.of(server)["started"] == 2
