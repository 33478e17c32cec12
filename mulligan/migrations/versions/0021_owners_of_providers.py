"""An index of the providers that are projects'.

The previous release can live with it: it asks for nothing by it. To it an owner is the only project
that may use a provider, so that it gives those below the owner's nothing of it; and it doesn't look
at the tops of trees, so that it gives anybody what is below an owned one. No owners are given until
all processes of a site are of this release or a later one.
"""

from mulligan.migrations.indexes import build_index

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Go forward; there is no way back."""
    build_index("ix_providers_project", "providers", ["project"], "project IS NOT NULL")
