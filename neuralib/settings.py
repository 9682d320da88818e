"""The only reader of the environment and of the config file."""

from __future__ import annotations

import difflib
import functools
import logging
import os
from pathlib import Path
from typing import Any, cast

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from neuralib.errors import UsageError

CONFIG_NAME = "neuralib.toml"

_PREFIX = "NEURALIB_"
_NOT_OURS = "NEURALIB_TEST_"
"""What begins so tells the tests where servers are."""

_LOG = logging.getLogger(__name__)

TENANT_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""Names of tenants; they are parts of storage keys and of streams' names."""


def _data_dir() -> Path:
    return Path(platformdirs.user_data_dir("neuralib", appauthor=False))


def config_files() -> list[Path]:
    """Where `neuralib.toml` is looked for; a later file wins over an earlier one."""
    return [
        Path(platformdirs.user_config_dir("neuralib", appauthor=False)) / CONFIG_NAME,
        Path(CONFIG_NAME),
    ]


class Settings(BaseSettings):
    """Everything that can be set for a machine or a user, rather than for one task.

    Each field is read from the environment variable `NEURALIB_<NAME>`, then from
    `neuralib.toml` in the current folder, then from the one in the user's config folder.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=_data_dir)
    """Folder for everything that NeuraLib keeps on this machine."""
    models_dir: Path | None = None
    """Folder of the checkpoints; None: `models` in the data folder."""
    device: str = "auto"
    """Device to compute on: auto, cpu, cuda, cuda:N or mps."""
    offline: bool = False
    """Never touch the network."""
    hub_url: str | None = None
    """A mirror to fetch checkpoints from, in place of their own addresses' hosts."""
    server: str | None = None
    """Address of the gateway that `--submit`, `jobs` and `samples` talk to."""
    token: SecretStr | None = None
    """API key for that gateway."""
    database_url: SecretStr | None = None
    """Database of a cluster, `postgresql://user:password@host/name`; None: a file here."""
    redis_url: SecretStr | None = None
    """Redis of a cluster, `redis://host:6379/0`; None: queue and events inside `serve`."""
    storage_url: SecretStr | None = None
    """Storage of a cluster, `s3://KEY:SECRET@host:port/bucket?secure=true` or `file:///folder`;
    None: a folder of this machine."""
    tenant: str = Field("local", pattern=TENANT_PATTERN)
    """Whose samples and jobs this machine's are, where no API key tells."""
    maximum_upload_bytes: int = Field(16 * 1024**3, gt=0)
    """Largest upload that the gateway takes."""
    job_timeout_seconds: float = Field(4 * 3600.0, gt=0)
    """Longest run of a job on a worker."""
    idle_release_seconds: float = Field(600.0, ge=0)
    """A worker without jobs lets go of its models, and of the GPU's memory, after this long."""

    @property
    def models_folder(self) -> Path:
        """Where the checkpoints are."""
        return (self.models_dir or self.data_dir / "models").expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment, then the config files."""
        files = TomlConfigSettingsSource(settings_cls, toml_file=cast(Any, config_files()))
        return init_settings, env_settings, files


def load_settings(**overrides: Any) -> Settings:
    """Read the settings now; `overrides` (those that are not None) win over everything.

    Variables of the environment that look like settings and are none are warned of, once.

    Raises:
        UsageError: where a variable or the config file cannot be read as what it should be.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in os.environ:
        if name.upper().startswith(_PREFIX) and not name.upper().startswith(_NOT_OURS):
            _check_variable(name)
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{CONFIG_NAME}: there is no setting {first['loc'][0]!r}; the settings are "
                f"{', '.join(Settings.model_fields)}"
            ) from None
        name = "_".join(str(part) for part in first["loc"])
        raise UsageError(
            f"setting {name} (NEURALIB_{name.upper()} or {CONFIG_NAME}): got "
            f"{first.get('input')!r}; {first['msg']}"
        ) from None
    except ValueError as error:  # a config file that is not TOML
        raise UsageError(f"cannot read {CONFIG_NAME}: {error}; mend or remove it") from None


@functools.cache
def _check_variable(name: str) -> None:
    known = [f"{_PREFIX}{field.upper()}" for field in Settings.model_fields]
    if name.upper() in known:
        return
    near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
    _LOG.warning(
        "the environment variable %s is no setting, and is ignored; %s",
        *(name, f"is it {near[0]}?" if near else f"the settings are {', '.join(known)}"),
        extra={"action": "settings.unknown"},
    )
