"""Configuration comes from flags, environment and file, and what is unknown is refused by name."""

from pathlib import Path

import pytest

from deploy.settings import load
from mulligan.values.errors import InvalidArgumentError


def test_every_option_has_a_default_that_works() -> None:
    settings = load(None, {}, {})
    assert settings.listen == "127.0.0.1:7600"
    assert settings.site_database.startswith("sqlite:///")


def test_a_flag_beats_the_environment_and_that_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mulligan.toml"
    file.write_text('listen = "127.0.0.1:1"\nregion = "from-file"\ntemporal_address = "t:1"\n')
    environment = {"MULLIGAN_LISTEN": "127.0.0.1:2", "MULLIGAN_REGION": "from-environment"}
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    settings = load(file, {"listen": "127.0.0.1:3"}, environment)
    assert settings.listen == "127.0.0.1:3"
    assert settings.region == "from-environment"
    assert settings.temporal_address == "t:1"


def test_an_unknown_key_of_the_file_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    file = tmp_path / "mulligan.toml"
    file.write_text('listn = "127.0.0.1:1"\n')
    with pytest.raises(InvalidArgumentError, match="key listn is unknown; did you mean listen"):
        load(file, {}, {})


def test_an_unknown_environment_variable_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(
        InvalidArgumentError, match="MULLIGAN_LISEN is unknown; did you mean MULLIGAN_LISTEN"
    ):
        load(None, {}, {"MULLIGAN_LISEN": "x"})


def test_the_clients_variables_are_not_the_servers() -> None:
    assert load(None, {}, {"MULLIGAN_TOKEN": "x", "MULLIGAN_CONFIG_DIR": "/x"}).region == ""


def test_a_file_that_cant_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"nothing\.toml can't be read"):
        load(tmp_path / "nothing.toml", {}, {})
