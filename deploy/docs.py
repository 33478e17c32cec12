"""Draw the API and the tables of states, reconciling and access: `python -m deploy.docs`."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from google.protobuf.descriptor import ServiceDescriptor

from api.server import SERVICES
from deploy.api_docs import api_pages
from mulligan.control.reconcile_rules import RULES
from mulligan.iam import keys, sessions, sign_ins
from mulligan.values.states import TABLES, StateTable
from mulligan_client.gen.mulligan.common.v1 import common_pb2

DOCS = Path(__file__).parents[1] / "docs"
STATES = DOCS / "states.md"
RECONCILE = DOCS / "reconcile.md"
ACCESS = DOCS / "access.md"

MOST_ARROWS = 40
"""What has more of them nobody reads."""

HEAD = """\
# States

What machines, servers, hosts, operations and reservations can be, and what follows. Drawn from
`mulligan/values/states.py` by `python -m deploy.docs`; a test compares.

A state that *lasts at most* some time passes by itself: its object shows the deadline and the next
action. The others last until somebody asks for something.
"""


def states_page() -> str:
    """Write the page: a diagram and a table for each kind of object."""
    return "\n".join([HEAD, *(_section(name, table) for name, table in TABLES.items())])


def _section(name: str, table: StateTable) -> str:
    return "\n".join([f"## {name.capitalize()}", "", *_diagram(table), "", *_table(table), ""])


def _diagram(table: StateTable) -> Iterator[str]:
    if sum(len(state.leads_to) for state in table.values()) > MOST_ARROWS:
        yield "From a state that is no end every other one can follow."
        return
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {next(iter(table))}"
    for name, state in table.items():
        for after in state.leads_to:
            if after != name:
                yield f"    {name} --> {after}"
        if not state.leads_to:
            yield f"    {name} --> [*]"
    yield "```"


def _table(table: StateTable) -> Iterator[str]:
    yield "| state | means | lasts at most | next |"
    yield "|---|---|---|---|"
    for name, state in table.items():
        lasts = _words(state.lasts) if state.lasts else "as asked" if state.as_asked else ""
        yield f"| {name} | {state.meaning} | {lasts} | {state.next_action} |"


def _words(span: timedelta) -> str:
    if span < timedelta(minutes=1):
        return f"{span.seconds} s"
    minutes = int(span.total_seconds() // 60)
    if minutes % 1440 == 0 and minutes >= 2880:
        return f"{minutes // 1440} d"
    return f"{minutes // 60} h" if minutes >= 120 and minutes % 60 == 0 else f"{minutes} min"


RECONCILE_HEAD = """\
# Reconciling

Compares database ↔ Temporal ↔ libvirt ↔ BMCs, and tells each difference with what mends it. Drawn
from `mulligan/control/reconcile_rules.py` by `python -m deploy.docs`; a test compares.

- **On a schedule**, every 10 minutes for the whole site: the database with itself and with
  Temporal. No hardware is called. The control worker keeps the schedule (`mulligan-reconcile` in
  Temporal; a pause there is respected).
- **On demand**, for a region: `mulligan reconcile run --wait`. Hosts, BMCs and what executors serve
  are looked at too. Looking changes nothing.

`mulligan reconcile show` lists what differs; each difference is an event of its object too.

A difference is only told after it was seen twice, some seconds apart, within one run. Whatever an
operation works on, and whatever changed in the last minute, is left out of what is looked at. No
end-point is taken: operations go on meanwhile. A host or BMC that can't be reached is a difference
like any other, and what was known of it before stays until it answers. What is gone at a later run
is told as mended, and forgotten after a week.

So a workflow that somebody terminated or cancelled in Temporal's UI is brought to an end: it is
started again from the operation's row and takes back what was done. When Temporal has lost it
altogether (its own database was lost), it goes on where it was.

Mended by itself is only what touches no hardware: nothing of it powers, wipes or deletes.
"""


def reconcile_page() -> str:
    """Write the page: what may differ, who mends it, and how."""
    rows = (
        f"| `{kind}` | {rule.meaning} | {'itself' if rule.mends_itself else 'an operator'} "
        f"| {_placeholders(rule.action)} |"
        for kind, rule in RULES.items()
    )
    table = ("| kind | means | mended by | how |", "|---|---|---|---|", *rows)
    return "\n".join([RECONCILE_HEAD, *table, ""])


def _placeholders(action: str) -> str:
    """Show the words of a template as they are written in a command's help."""
    return re.sub(r"{(\w+)}", lambda word: word.group(1).upper(), action)


ACCESS_HEAD = """\
# Who may do what

The role that each RPC asks for, and where it has to be held. Drawn from the option next to each RPC
in `proto/` by `python -m deploy.docs`; a test compares. One interceptor enforces role and place,
and a service with an RPC that says nothing does not start. What is said *besides* depends on what
is found, and is looked at in the transaction that finds it; a test calls every RPC with every role.

Each role includes the ones before it: reader, member, operator, admin. A role on a project or
region holds on all below it, too, and one on the system everywhere ([accounts](accounts.md)).
*The region* is the one that a request names, and the ones in which what it names lives. Another
project's object looks as if it did not exist: in a get, a list, a watch, a count, a look-up of
names and an error. What projects share tells that somebody is there, not who: revisions rise,
networks and providers fill up, the name of an account is taken, and that of a project beside it.
What somebody tried on a project, and was refused, its admins see in the audit.

A project that is given a machine does not see what it runs on. Its operations, machines and events
say what went wrong, by the code of the error; what BMC, host and ramdisk said of it, with addresses
and paths, stands there for readers of the region. The UUID of a provider, in claims, candidates and
openings, is a word with which the same one can be claimed again, from which distances are measured
in its region, and to which the project's calendar is narrowed, as it is to a group; nothing else
answers to it.

While iam is away a project or region of which a site has not heard yet is refused like one on which
there is no role. What is not known here is asked of iam, what is known is not: how long a refusal
takes may tell that a UUID is somebody's project.
"""

SIGN_INS = """\
## Signing in

A sign-in begins a session. Its access token lives {lifetime}: until then nobody can take it back,
since every service checks it alone. Its refresh token is good once, for the next access token, with
the roles as of then, and the next refresh token. `mulligan` and the Python client do this by
themselves. A session ends {idle} after its last refresh, {longest} after the sign-in, when it is
signed out or revoked (`mulligan logout`, `mulligan session revoke`), when its account's password
changes or the account is disabled or deleted, and when a refresh token is used a second time: then
somebody else has it, and everybody who has one signs in again.

A program gets an account of its own: `mulligan app-credential create`. It may what it was given, as
far as whoever made it may as much at the time of each of its tokens, and if wanted only some
methods and one region with those below it. It is over when it was said to be, and when its creator
is disabled or deleted. It makes no accounts, gives no roles and changes no passwords, and always
signs out.

A program that is limited to a region calls what names the region in `region`, or only objects that
live in it or below: `id`, `ids`, `object_id`, `provider`, `group`, `tree`, `parent`,
`from_provider`, `to_provider`, `operation` and `series` are looked at, and one that nobody knows is
refused like one elsewhere. A project names no region. Besides it calls what asks for no more than a
token and shows the same to everybody, or what is its own: regions, images, its sessions; a role on
the system or on a region above shows it no more there than one on its region would. A watch
names an object or operation in the region.

`mulligan token-key rotate` makes a new key to sign access tokens with. It is published at once and
signs {published_before} later: every service that follows iam has fetched it by then, and takes its
tokens though iam goes away. The key before it is erased {lifetime} and {clocks_differ} after that.
A service keeps the published keys in its site's database, so that it knows them when it starts
while iam is away.

Clocks differ: a token from up to {lifetime} ahead of a service's clock is taken, one from further
ahead is refused.

Who signs in with a wrong password is slowed down; `SIGN_IN_SLOWED` says how long to wait. Each
failure beyond the free ones doubles the wait, from a second up to the longest. After {forgotten}
without a failure all are forgotten.

| failures of | free | longest wait |
|---|---|---|
| an account, from one address | {both.free} | {both.longest.seconds} s |
| any accounts, from one address | {address.free} | {address.longest.seconds} s |
| an account, from wherever | {account.free} | {account.longest.seconds} s |

An address is an IPv4 address or the /64 of an IPv6 one, as the service sees it: behind a proxy
people share one.
"""

_WHERE = {
    common_pb2.SCOPE_NONE: "",
    common_pb2.SCOPE_PROJECT: "the project",
    common_pb2.SCOPE_SYSTEM: "the system",
    common_pb2.SCOPE_REGION: "the region",
    common_pb2.SCOPE_PLACE: "the project, region or system",
}
_WHO = {
    common_pb2.ROLE_ANONYMOUS: "anybody, without a token",
    common_pb2.ROLE_AUTHENTICATED: "anybody with a token",
}


def access_page() -> str:
    """Write the page: a table for each service, and what signing in wrongly leads to."""
    spans = {
        "forgotten": sign_ins.FORGOTTEN,
        "lifetime": keys.LIFETIME,
        "published_before": keys.PUBLISHED_BEFORE,
        "clocks_differ": keys.CLOCKS_DIFFER,
        "idle": sessions.IDLE,
        "longest": sessions.LONGEST,
    }
    words = {name: _words(span) for name, span in spans.items()}
    signing_in = SIGN_INS.format(**sign_ins.RULES, **words)
    return "\n".join([ACCESS_HEAD, *map(_access_table, SERVICES.items()), signing_in])


def _access_table(named: tuple[str, ServiceDescriptor]) -> str:
    name, service = named
    rows = [f"## {name}", "", "| RPC | role | on | besides |", "|---|---|---|---|"]
    for method in service.methods:
        access = method.GetOptions().Extensions[common_pb2.access]
        where = _WHERE[access.scope]
        rows.append(f"| {method.name} | {_role(access)} | {where} | {_besides(access)} |")
    return "\n".join([*rows, ""])


def _role(access: common_pb2.Access) -> str:
    return _WHO.get(access.role) or common_pb2.Role.Name(access.role)[5:].lower()


def _besides(access: common_pb2.Access) -> str:
    return access.besides or ("one's own without a role" if access.own else "")


def who(access: common_pb2.Access) -> str:
    """Say in words who may call an RPC."""
    where = f" on {_WHERE[access.scope]}" if _WHERE[access.scope] else ""
    besides = _besides(access)
    return f"{_role(access)}{where}{f'; {besides}' if besides else ''}"


if __name__ == "__main__":
    DOCS.joinpath("api").mkdir(parents=True, exist_ok=True)
    STATES.write_text(states_page())
    RECONCILE.write_text(reconcile_page())
    ACCESS.write_text(access_page())
    for name, page in api_pages(who).items():
        DOCS.joinpath(name).write_text(page)
