"""The tables of iam."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from mulligan.database import Base, Id
from mulligan.values.regions import DomainKind, RegionSpec, Visibility


class Account(Base):
    """A user, or an application credential (`type` application). Its name is in meta."""

    __tablename__ = "accounts"
    __table_args__ = (Index(None, "created_at", "id"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    type: Mapped[str] = mapped_column(String(16), default="user")
    password_hash: Mapped[str] = mapped_column(Text)
    disabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=1)


class ApplicationCredential(Base):
    """What an account of a program may at most: short of its creator's roles, this is in force."""

    __tablename__ = "application_credentials"
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    creator: Mapped[str] = mapped_column(Id, index=True)
    secret_hash: Mapped[str] = mapped_column(Text, default="", server_default="")
    expires_at: Mapped[datetime | None]
    methods: Mapped[list[Any]]
    region: Mapped[str | None] = mapped_column(Id)


class Project(Base):
    """A tenant, in a tree. A deleted one stays, so that its id never comes back."""

    __tablename__ = "projects"
    __table_args__ = (Index(None, "created_at", "id"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    parent: Mapped[str | None] = mapped_column(Id, index=True)
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(default=1)


class Region(Base):
    """Where objects live, in trees. A deleted one stays, so that its id never comes back."""

    __tablename__ = "regions"
    __table_args__ = (Index(None, "created_at", "id"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    parent: Mapped[str | None] = mapped_column(Id, index=True)
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(default=1)
    failure_domains: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    visibility: Mapped[str] = mapped_column(String(16), default="public", server_default="public")
    visible_to: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")

    @property
    def spec(self) -> RegionSpec:
        """What is said of it."""
        return spec_of(self)

    @spec.setter
    def spec(self, said: RegionSpec) -> None:
        for column, value in spec_columns(said).items():
            setattr(self, column, value)


def spec_of(row: Any) -> RegionSpec:
    """What is said of a region, from a row with the columns for it."""
    domains = {DomainKind(kind): tuple(codes) for kind, codes in row.failure_domains.items()}
    return RegionSpec(domains, Visibility(row.visibility), tuple(row.visible_to))


def spec_columns(said: RegionSpec) -> dict[str, Any]:
    """The columns that hold what is said of a region."""
    return {
        "failure_domains": {str(kind): list(codes) for kind, codes in said.failure_domains.items()},
        "visibility": str(said.visibility),
        "visible_to": list(said.visible_to),
    }


class Assignment(Base):
    """A role of an account, on one place: a project, a region or (empty) the system."""

    __tablename__ = "assignments"
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    # The column's name is from when there were no regions among the places.
    place: Mapped[str] = mapped_column("project", String(36), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]


class TokenKey(Base):
    """A key pair (Ed25519, PEM) that signs access tokens from `signs_at` on, until another does."""

    __tablename__ = "token_keys"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    private_key: Mapped[str] = mapped_column(Text)
    public_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    signs_at: Mapped[datetime | None]
    retires_at: Mapped[datetime | None]


class PublishedTokenKey(Base):
    """A public key of iam's as a site knows it, for when iam does not answer."""

    __tablename__ = "published_token_keys"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    public_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    signs_at: Mapped[datetime]
    retires_at: Mapped[datetime | None]


class SignInSession(Base):
    """A sign-in and what was refreshed from it; `secret` makes its refresh tokens."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, index=True)
    address: Mapped[str] = mapped_column(String(64))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)
    refreshed_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="")


class RefreshToken(Base):
    """A refresh token of a session, as its SHA-256; without `spent_at` it is the good one."""

    __tablename__ = "refresh_tokens"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    session: Mapped[str] = mapped_column(Id, index=True)
    spent_at: Mapped[datetime | None]


class SignInTries(Base):
    """How often signing in failed of late, for an account's name or from an address (SHA-256)."""

    __tablename__ = "sign_in_tries"
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    free_at: Mapped[datetime]
    last_at: Mapped[datetime] = mapped_column(index=True)


class Bootstrap(Base):
    """The one-time token of an installation, as a hash; `used_at` says that it is spent."""

    __tablename__ = "bootstrap"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime | None]
    first_region: Mapped[str | None] = mapped_column(Id)


class SiteRow(Base):
    """A site that has services, or had: it stays until an operator deletes it."""

    __tablename__ = "sites"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    # The account that made it known: no other one may say where it is.
    registrar: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]


class SiteRegion(Base):
    """A region that a site serves with all below it; empty: what no other site serves."""

    __tablename__ = "site_regions"
    region: Mapped[str] = mapped_column(String(36), primary_key=True)
    site: Mapped[str] = mapped_column(Id, ForeignKey("sites.id", ondelete="CASCADE"), index=True)


class ServiceRow(Base):
    """A process that serves a site; it is alive while it was seen of late."""

    __tablename__ = "services"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site: Mapped[str] = mapped_column(Id, ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    kinds: Mapped[list[Any]]
    # As clients reach it; empty: where they reach iam.
    address: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(String(64))
    registered_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class OwnSite(Base):
    """The one row that says which site has this database."""

    __tablename__ = "own_site"
    id: Mapped[int] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(Id)


class CopyRow(Base):
    """The one row that says how far the copy is: all of iam's changes up to a revision, or 0."""

    __tablename__ = "iam_copy"
    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
