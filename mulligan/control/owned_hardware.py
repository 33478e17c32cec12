"""Lists of the servers and hosts that are a project's: whose they are, their providers say."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.control.tables import Host, Server
from mulligan.meta.listing import listed
from mulligan.resource.owners import select_owned
from mulligan.resource.values import check_id
from mulligan.values.listing import Listed, Listing


def list_owned_servers(session: Session, project: str, listing: Listing) -> Listed[Server]:
    """Read a page of the servers that are a project's."""
    owned = select_owned(check_id(project, field="project"))
    query = select(Server).where(Server.id.in_(owned))
    return listed(session, query, Server, listing, object_types=["server"])


def list_owned_hosts(session: Session, project: str, listing: Listing) -> Listed[Host]:
    """Read a page of the hosts that are a project's."""
    owned = select_owned(check_id(project, field="project"))
    query = select(Host).where(Host.id.in_(owned))
    return listed(session, query, Host, listing, object_types=["host"])
