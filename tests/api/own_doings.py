"""What the admin of a project does with what is its project's: every change that is for one.

Each is done, whatever was done before: what it needs and isn't there is made first.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.belongings import VCPU, WEEKLY, WINDOW
from tests.fakes.caller import Caller
from tests.fakes.place import Place, at, new_name
from tests.fakes.site import PASSWORD

MOST = 3
"""So many it keeps of each kind: what both may use has to last."""

MASK = "update_mask"
NOTHING = ""
"""The value of an attribute that is taken away."""


@dataclass
class Hands:
    """An admin of a project, and what it has made there and not ended, by kind, the oldest first.

    `account` is somebody of its project. `others` gives the slug of what another one has, which is
    what its own would have, too, by the names that it gives.
    """

    place: Place
    admin: Caller
    account: str
    others: Callable[[str], str] = new_name
    has: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _password: str = PASSWORD

    @property
    def here(self) -> dict[str, str]:
        return {"project": self.place.project}

    @property
    def there(self) -> dict[str, str]:
        return {"project": self.place.project, "region": self.place.region}

    def one(self, kind: str) -> str:
        """The latest of a kind."""
        if not self.has[kind]:
            DOINGS[MADE_BY[kind]](self)
        return self.has[kind][-1]

    def last_of(self, kind: str) -> str:
        """The oldest of a kind, which ends now."""
        self.one(kind)
        return self.has[kind].pop(0)

    def got(self, kind: str, one: str) -> None:
        """Keep what was made; what it has too much of ends."""
        self.has[kind].append(one)
        if len(self.has[kind]) > MOST:
            DOINGS[ENDED_BY[kind]](self)

    def like(self, noun: str) -> str:
        """A new name with the slug of what another one has."""
        marks = f"{uuid4().int:b}".translate({ord("0"): "!", ord("1"): "?"})
        return f"{self.others(noun)} {marks}"

    # Sessions

    def sign_in(self) -> Any:
        return self.place.site.caller().Login(account=self.admin.account, password=self._password)

    def sign_out(self) -> None:
        self.place.site.caller(self.sign_in().access_token).SignOut()

    def refresh(self) -> None:
        signed_in = self.sign_in()
        self.place.site.caller().RefreshToken(refresh_token=signed_in.refresh_token)

    def change_password(self) -> None:
        new = new_name("pass phrase")
        self.admin.ChangePassword(old_password=self._password, password=new)
        self._password = new

    # Projects, and who may do what in them

    def create_project(self) -> None:
        made = self.admin.CreateProject(name=self.like("Project"), parent=self.place.project)
        self.got("project below", made.metadata.id)

    def rename_project(self) -> None:
        for one in (self.place.project, self.one("project below")):
            self.admin.UpdateProject(
                id=one, name=self.like("Project"), **{MASK: {"paths": ["name"]}}
            )

    def set_quota(self) -> None:
        child = self.one("project below")
        self.admin.SetChildQuota(child=child, spec={"claims": 10}, **self.here)

    def delete_quota(self) -> None:
        self.set_quota()
        self.admin.DeleteChildQuota(child=self.one("project below"), **self.here)

    def assign(self) -> None:
        self.admin.AssignRole(account=self.account, role=common_pb2.ROLE_MEMBER, **self.here)

    def revoke(self) -> None:
        self.assign()
        self.admin.RevokeRole(account=self.account, **self.here)

    def create_program(self) -> None:
        made = self.admin.CreateApplicationCredential(
            name=self.like("Account"),
            secret="s" * 32,
            roles=[{"role": common_pb2.ROLE_READER, **self.here}],
        )
        self.got("program", made.metadata.id)

    # What is said of objects

    def tag(self) -> None:
        tagged = [self.one("machine"), self.place.project]
        self.admin.UpdateTags(object_ids=tagged, add=[new_name("tag")])

    def define(self) -> None:
        made = self.admin.CreateMetadef(attribute=new_name("attribute"), schema="true", **self.here)
        self.got("definition", made.metadata.id)

    def describe_definition(self) -> None:
        changed = {"description": new_name("description"), MASK: {"paths": ["description"]}}
        self.admin.UpdateMetadef(id=self.one("definition"), **changed)

    def set_attribute(self) -> None:
        self._say_of_project(self.one("definition"), "1")

    def delete_definition(self) -> None:
        definition = self.last_of("definition")
        self._say_of_project(definition, NOTHING)
        self.admin.DeleteMetadef(id=definition)

    def _say_of_project(self, definition: str, value: str) -> None:
        attribute = self.admin.GetMetadef(id=definition).attribute
        said = {"object_id": self.place.project, "attribute": attribute, "value": value}
        self.admin.SetAttributes(attributes=[said])

    # Claims and reservations

    def hold(self) -> None:
        spec = {"region": self.place.region, "window": WINDOW, **VCPU}
        made = self.admin.CreateClaim(spec=spec, hold_until=at(minutes=30), **self.here)
        self.got("hold", made.metadata.id)

    def confirm(self) -> None:
        made = self.admin.ConfirmClaim(id=self.last_of("hold"), **self.here)
        self.got("claim", made.metadata.id)

    def change_claim(self) -> None:
        longer = {"acquire_at": WINDOW["acquire_at"], "release_at": at(hours=3)}
        changes = [{"id": self.one("claim"), "window": longer}]
        self.admin.ChangeClaims(changes=changes, **self.here)

    def abort(self) -> None:
        claim = self.last_of("hold")
        [running] = self.admin.ListOperations(object_id=claim).operations
        self.admin.AbortOperation(id=running.metadata.id)
        self.place.site.end_of(running.metadata.id)
        self.has["aborted"] = [running.metadata.id]

    def retry(self) -> None:
        again = self.admin.RetryOperation(id=self.last_of("aborted"))
        self.got("hold", again.object_id)

    def reserve(self) -> None:
        spec = {"claim": VCPU, "window": WINDOW}
        [made] = self.admin.CreateReservations(spec=spec, **self.there).reservations
        self.got("reservation", made.metadata.id)

    def change_reservation(self) -> None:
        longer = {"acquire_at": WINDOW["acquire_at"], "release_at": at(hours=3)}
        changed = {"window": longer, MASK: {"paths": ["window"]}}
        self.admin.UpdateReservation(id=self.one("reservation"), **changed, **self.here)

    def reserve_weekly(self) -> None:
        made = self.admin.CreateReservationSeries(
            spec={"claim": VCPU}, recurrence=WEEKLY, ahead={"seconds": 86_400}, **self.there
        )
        self.got("series", made.metadata.id)

    # Machines

    def provision(self) -> None:
        spec = self.place.spec(vcpus=1, memory_mib=64, disk_gib=1)
        asked = self.admin.ProvisionMachine(name=self.like("Machine"), spec=spec, **self.there)
        ended = self.place.site.end_of(asked.metadata.id)
        assert ended.status.state == "done", ended.status.reason
        self.got("machine", ended.object_id)

    def rename_machine(self) -> None:
        self.admin.UpdateMachine(id=self.one("machine"), **renamed("machine"), **self.here)

    def decommission(self) -> None:
        asked = self.admin.DecommissionMachine(id=self.last_of("machine"), **self.here)
        self.place.site.end_of(asked.operation.metadata.id)


def renamed(noun: str) -> dict[str, Any]:
    return {"name": new_name(noun), MASK: {"paths": ["name"]}}


DOINGS: Mapping[str, Callable[[Hands], object]] = {
    "Login": Hands.sign_in,
    "RefreshToken": Hands.refresh,
    "SignOut": Hands.sign_out,
    "RevokeSession": lambda has: has.admin.RevokeSession(id=has.sign_in().session),
    "ChangePassword": Hands.change_password,
    "CreateProject": Hands.create_project,
    "UpdateProject": Hands.rename_project,
    "DeleteProject": lambda has: has.admin.DeleteProject(id=has.last_of("project below")),
    "SetChildQuota": Hands.set_quota,
    "DeleteChildQuota": Hands.delete_quota,
    "AssignRole": Hands.assign,
    "RevokeRole": Hands.revoke,
    "CreateApplicationCredential": Hands.create_program,
    "UpdateApplicationCredential": lambda has: has.admin.UpdateApplicationCredential(
        id=has.one("program"), **renamed("program")
    ),
    "DeleteApplicationCredential": lambda has: has.admin.DeleteApplicationCredential(
        id=has.last_of("program")
    ),
    "UpdateTags": Hands.tag,
    "CreateMetadef": Hands.define,
    "UpdateMetadef": Hands.describe_definition,
    "DeleteMetadef": Hands.delete_definition,
    "SetAttributes": Hands.set_attribute,
    "CreateClaim": Hands.hold,
    "ConfirmClaim": Hands.confirm,
    "ChangeClaims": Hands.change_claim,
    "ReleaseClaim": lambda has: has.admin.ReleaseClaim(id=has.last_of("claim"), **has.here),
    "AbortOperation": Hands.abort,
    "RetryOperation": Hands.retry,
    "CreateReservations": Hands.reserve,
    "UpdateReservation": Hands.change_reservation,
    "CancelReservation": lambda has: has.admin.CancelReservation(
        id=has.last_of("reservation"), **has.here
    ),
    "CreateReservationSeries": Hands.reserve_weekly,
    "EndReservationSeries": lambda has: has.admin.EndReservationSeries(
        id=has.last_of("series"), **has.here
    ),
    "ProvisionMachine": Hands.provision,
    "UpdateMachine": Hands.rename_machine,
    "DecommissionMachine": Hands.decommission,
}
MADE_BY = {
    "project below": "CreateProject",
    "program": "CreateApplicationCredential",
    "definition": "CreateMetadef",
    "hold": "CreateClaim",
    "claim": "ConfirmClaim",
    "aborted": "AbortOperation",
    "reservation": "CreateReservations",
    "series": "CreateReservationSeries",
    "machine": "ProvisionMachine",
}
ENDED_BY = {
    "project below": "DeleteProject",
    "program": "DeleteApplicationCredential",
    "definition": "DeleteMetadef",
    "hold": "ConfirmClaim",
    "claim": "ReleaseClaim",
    "reservation": "CancelReservation",
    "series": "EndReservationSeries",
    "machine": "DecommissionMachine",
}
