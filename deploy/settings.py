"""Configuration: few typed options, each with a default that works.

Taken from flags, then the environment (`MULLIGAN_LISTEN=…`), then a TOML file.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_state_path
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mulligan.values.errors import InvalidArgumentError


class Settings(BaseSettings):
    """What a Mulligan process is told at its start."""

    model_config = SettingsConfigDict(env_prefix="MULLIGAN_", extra="forbid")

    state: Path = Field(
        default_factory=lambda: user_state_path("mulligan"),
        description="folder of databases, keys, media and logs",
    )
    listen: str = Field("127.0.0.1:7600", description="host:port of the gRPC services")
    advertise: str = Field(
        "",
        description="host:port or URL at which clients reach these services; empty: listen, or, "
        "beside iam, where iam is",
    )
    regions: tuple[str, ...] = Field(
        (),
        description="UUIDs of the regions that this site serves, with all below them; empty: what "
        "no other site serves",
    )
    share_port: bool = Field(
        False, description="other processes of the services listen there, too, and share its calls"
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file with the services' certificate; empty: no TLS"
    )
    tls_key: Path | None = Field(None, description="PEM file with the certificate's key")
    tls_ca: Path | None = Field(
        None, description="PEM file with the CA of iam's certificate; empty: the system's"
    )
    database_url: str = Field(
        "", description="the site's database; empty: SQLite in the state folder"
    )
    iam_database_url: str = Field(
        "", description="iam's database; empty: SQLite in the state folder"
    )
    keep_events_days: int = Field(
        400,
        ge=1,
        description="days after which events are forgotten, and the answers kept for retries: "
        "watch, audit and request ids reach so far",
    )
    keep_refusals_days: int = Field(
        30, ge=1, description="days after which refused calls are forgotten, if events stay longer"
    )
    iam_address: str = Field(
        "",
        description="host:port of iam, which speaks TLS off this machine; empty: in this process",
    )
    iam_account: str = Field(
        "", description="name or UUID with which these services sign in at an iam elsewhere"
    )
    iam_secret_file: Path | None = Field(
        None, description="file with the secret of that account, an application credential's"
    )
    temporal_address: str = Field("127.0.0.1:7233", description="host:port of Temporal")
    temporal_namespace: str = Field("mulligan", description="namespace of this site")
    temporal_ui_url: str = Field("", description="where people see Temporal's UI")
    region: str = Field("", description="UUID of the region that the executor serves")
    media_listen: str = Field("127.0.0.1", description="address on which the executor serves media")
    media_url: str = Field(
        "http://127.0.0.1:7680",
        description="http address of the executor that BMCs and machines reach",
    )
    ramdisk_url: str = Field(
        "", description="https address of the executor that ramdisks reach; empty: media_url's host"
    )
    report_url: str = Field(
        "", description="media_url as machines see it; empty: the same as media_url"
    )
    allowed_image_hosts: tuple[str, ...] = Field(
        (), description="hosts (or host:port) from which images may be fetched"
    )
    image_folder: Path | None = Field(None, description="folder whose images file: URLs may name")
    ramdisk: Path | None = Field(
        None, description="folder with the built ramdisk; empty: in the state folder"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` gives, then the environment."""
        return (init_settings, env_settings)

    @property
    def site_database(self) -> str:
        """The URL of the site's database."""
        return self.database_url or f"sqlite:///{self.state}/site.sqlite"

    @property
    def iam_database(self) -> str:
        """The URL of iam's database."""
        return self.iam_database_url or f"sqlite:///{self.state}/iam.sqlite"


def load(file: Path | None, flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Read the configuration.

    Raises:
        InvalidArgumentError: a key is unknown (the nearest known one is named) or a value can't be
            used.
    """
    _refuse_unknown(
        [
            key.lower().removeprefix("mulligan_")
            for key in environment
            if key.startswith("MULLIGAN_") and key not in _OTHERS
        ],
        "environment variable MULLIGAN_",
        upper=True,
    )
    from_file: dict[str, Any] = {}
    if file is not None:
        try:
            from_file = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise InvalidArgumentError(
                f"configuration file {file} can't be read: {error}", field="config"
            ) from error
        _refuse_unknown(list(from_file), f"{file}: key ")
        from_file = {
            key: value
            for key, value in from_file.items()
            if f"MULLIGAN_{key.upper()}" not in environment
        }
    try:
        return Settings(**{**from_file, **flags})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidArgumentError(f"{name}: {first['msg']}", field=name) from error


_OTHERS = (
    "MULLIGAN_CACHE",
    "MULLIGAN_CONFIG_DIR",
    "MULLIGAN_ADDRESS",
    "MULLIGAN_TOKEN",
    "MULLIGAN_PROJECT",
    "MULLIGAN_REGION_NAME",
)
"""Variables of the client and of the installation, which are not the server's."""


def _refuse_unknown(keys: list[str], where: str, *, upper: bool = False) -> None:
    known = list(Settings.model_fields)
    for key in keys:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, 1)
        shown, nearest = (
            (key.upper(), [f"MULLIGAN_{name.upper()}" for name in near]) if upper else (key, near)
        )
        raise InvalidArgumentError(
            f"{where}{shown} is unknown"
            + (f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(known)}"),
            field=key,
        )
