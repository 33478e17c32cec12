"""RotateRegionKey: a new key, and everything that is sealed to an older one.

make key → clients seal to it → stored secrets are sealed anew → the older keys are retired. It only
goes forward: wherever it ends, each secret is sealed to a key that the executors hold, and another
rotation finishes the work. A retired key opens what is in flight (docs/keys.md).
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import executor, keys
    from activities.contracts.executor import LiveKeys, MakeKey, RetireKeys, SealAnew
    from activities.contracts.keys import (
        BeginRotation,
        ListSealed,
        ReadKeyUse,
        RecordKeys,
        RecordSealed,
        Resealed,
        SealedSecrets,
    )
    from workflows.operation import STATE, OperationWorkflow, ended_by, why


@workflow.defn(name="RotateRegionKey")
class RotateRegionKey(OperationWorkflow):
    """Give a region a new key, and have everything sealed to it."""

    def __init__(self) -> None:
        super().__init__()
        self._older: set[str] = set()
        self._problems: list[str] = []

    @workflow.run
    async def run(self, request: BeginRotation) -> str:
        """Give the id of the new key."""
        region = request.asked.region
        begun = await self.begin(region, keys.begin_rotation, request)
        self.operation.deadline = begun.deadline
        try:
            if request.resume == "undo":  # there is nothing to take back
                raise asyncio.CancelledError
            newest = await self._make_key(region)
            await self._seal_anew(region, newest)
            await self._retire(region)
        except (FailureError, asyncio.CancelledError) as error:
            await self.operation.to_the_end(self.operation.finish(why(error)))
            raise ended_by(error) from None
        await self.operation.finish()
        workflow.upsert_search_attributes([STATE.value_set("done")])
        return newest

    async def _make_key(self, region: str) -> str:
        operation = self.operation
        await operation.step("make key", "an executor makes a new key")
        live = await operation.executor(
            executor.make_key,
            MakeKey(region=region, operation=operation.id),
            summary="make a new key",
        )
        await self._publish(region, live)
        newest = live.keys[0].key_id
        await operation.tell(f"clients seal to key {newest}")
        return newest

    async def _seal_anew(self, region: str, newest: str) -> None:
        """Seal what is sealed to older keys, batch by batch, in the order of their ids."""
        operation = self.operation
        await operation.step("seal anew", "reads what is sealed to older keys")
        found = await self._older_secrets(region, newest, "")
        done, total = 0, found.left
        while found.secrets:
            await self._seal_batch(region, found)
            done += len(found.secrets)
            total = max(total, done)
            await operation.tell(self._words(done, total), percent=100 * done // total)
            found = await self._older_secrets(region, newest, found.secrets[-1].id)
        await operation.end_step("done", self._words(done, total))

    async def _older_secrets(self, region: str, newest: str, after: str) -> SealedSecrets:
        found = await self.operation.record(
            keys.list_sealed, ListSealed(region=region, key_id=newest, after=after)
        )
        self._older.update(secret.sealed.partition(".")[0] for secret in found.secrets)
        return found

    async def _seal_batch(self, region: str, found: SealedSecrets) -> None:
        answer = await self.operation.executor(
            executor.seal_anew,
            SealAnew(region=region, secrets=found.secrets),
            summary=f"seal credentials anew: {len(found.secrets)}",
        )
        pairs = list(zip(found.secrets, answer.secrets, strict=True))
        sealed = [
            Resealed(kind=was.kind, id=was.id, was=was.sealed, sealed=now.sealed)
            for was, now in pairs
            if now.sealed
        ]
        self._problems += [
            f"{was.kind} {was.id}: {now.problem}" for was, now in pairs if now.problem
        ]
        record = RecordSealed(region=region, secrets=tuple(sealed))
        await self.operation.record(keys.record_sealed, record)

    def _words(self, done: int, total: int) -> str:
        if not total:
            return "nothing was sealed to an older key"
        words = f"{done - len(self._problems)} of {total} secrets are sealed to the new key"
        if not self._problems:
            return words
        first = "; ".join(self._problems[:3])
        return f"{words}; {len(self._problems)} can't be opened, now as before: {first}"

    async def _retire(self, region: str) -> None:
        operation = self.operation
        await operation.step("retire", "the older keys open what is in flight, and nothing else")
        use = await operation.record(
            keys.read_key_use, ReadKeyUse(region=region, operation=operation.id)
        )
        live = await operation.executor(
            executor.retire_keys,
            RetireKeys(
                region=region,
                needed=tuple(sorted({*use.key_ids, *self._older})),
                oldest_running=use.oldest_running,
            ),
            summary="retire older keys",
        )
        await self._publish(region, live)

    async def _publish(self, region: str, live: LiveKeys) -> None:
        """Renew the site's copy of the public keys, of which clients take the first."""
        await self.operation.record(keys.record_keys, RecordKeys(region=region, keys=live.keys))
