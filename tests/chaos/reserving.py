"""Who reserves machines: made at their start, kept and restored, cancelled, whatever dies."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from mulligan.values.states import RESERVATION_ENDED
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.chaos.load import Asked, VirtualClient

LONG = timedelta(hours=2)
SHORT = timedelta(seconds=3)
PATIENCE_S = 400


class Reserver(VirtualClient):
    """Reserves virtual machines from now on; each story ends with a cancelled reservation."""

    stories: ClassVar[tuple[tuple[str, int], ...]] = (
        ("cancelled_while_made", 20),
        ("used", 30),
        ("kept_and_restored", 50),
    )

    def cancelled_while_made(self) -> None:
        one, asked = self._reserve()
        time.sleep(self.dice.random() * 5)
        self._cancel(one, asked)

    def used(self) -> None:
        one, asked = self._reserve()
        self._reach(one, "active")
        self._cancel(one, asked)

    def kept_and_restored(self) -> None:
        one, asked = self._reserve()
        if self._reach(one, "active") == "active":
            self._last(one, SHORT)
            if self._reach(one, "kept") == "kept" and self._last(one, LONG):
                self._reach(one, "active")
        self._cancel(one, asked)

    def _reserve(self) -> tuple[resource_pb2.Reservation, Asked]:
        wanted = self.request()
        request = resource_pb2.CreateReservationsRequest(
            request_id=str(uuid.uuid4()),
            project=self.project,
            region=wanted.region,
            spec=resource_pb2.ReservationSpec(
                machine=wanted.spec,
                machine_name=wanted.name,
                window=_until(LONG),
                keep_for=Duration(seconds=3600),
                purpose="chaos",
            ),
        )
        (one,) = self.ask(self.client.resource.CreateReservations, request).reservations
        asked = self.load.asked.setdefault(
            one.operation, Asked(one.operation, "reservation", self.kind, ("cancelled",))
        )
        return one, asked

    def _reach(self, one: resource_pb2.Reservation, state: str) -> str:
        """Wait until it is in a state, or has ended for good reasons."""
        movements, reservation = self.load.movements, one.metadata.id

        def there() -> bool:
            return movements.state_of(reservation) in (state, *RESERVATION_ENDED)

        movements.wait(there, PATIENCE_S)
        if not there():
            request = resource_pb2.GetReservationRequest(project=self.project, id=reservation)
            status = self.client.resource.GetReservation(request).status
            words = f"is {status.state}, not {state}, after {PATIENCE_S} s: {status.reason}"
            self.load.complain(f"reservation {reservation} {words}")
        return movements.state_of(reservation)

    def _last(self, one: resource_pb2.Reservation, span: timedelta) -> bool:
        """Have it end so long from now; says whether it may, as somebody may have what it needs."""
        while True:
            request = resource_pb2.UpdateReservationRequest(
                request_id=str(uuid.uuid4()),
                project=self.project,
                id=one.metadata.id,
                window=_until(span),
                update_mask=FieldMask(paths=["window"]),
            )
            try:
                self.client.resource.UpdateReservation(request)
            except MulliganCallError as error:
                if error.grpc_status == "INVALID_ARGUMENT":  # it took until after that
                    continue
                if error.code in ("NO_CAPACITY", "FAILED_PRECONDITION"):
                    self.load.refuse()
                    return False
                raise
            return True

    def _cancel(self, one: resource_pb2.Reservation, asked: Asked) -> None:
        request = resource_pb2.CancelReservationRequest(project=self.project, id=one.metadata.id)
        try:
            self.client.resource.CancelReservation(request)
        except MulliganCallError as error:
            if error.code != "FAILED_PRECONDITION":
                raise
            asked.may_end = ("done",)  # it has ended by itself
        self.end(asked)


def _until(span: timedelta) -> common_pb2.Window:
    ends = Timestamp()
    ends.FromDatetime(datetime.now(UTC) + span)
    return common_pb2.Window(release_at=ends)
