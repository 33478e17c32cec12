"""Every table of every service, for migrations."""

from mulligan import events, marks, requests
from mulligan.control import tables as control
from mulligan.database import Base
from mulligan.iam import tables as iam
from mulligan.meta import names, planned_names
from mulligan.resource import tables as resource

SERVICES = (control, events, iam, marks, names, planned_names, requests, resource)

METADATA = Base.metadata
