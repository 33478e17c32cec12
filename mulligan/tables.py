"""Every table of every service, for migrations."""

from mulligan import configuration, events, marks, requests
from mulligan.control import tables as control
from mulligan.database import Base
from mulligan.iam import tables as iam
from mulligan.meta import attributes, metadefs, names, planned_names, tags
from mulligan.resource import tables as resource

SERVICES = (
    *(attributes, configuration, control, events, iam, marks, metadefs, names, planned_names),
    *(requests, resource, tags),
)

METADATA = Base.metadata
