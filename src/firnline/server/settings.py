"""Settings of the tool that a folder may carry: FOLDER/.firnline/settings.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from firnline.errors import ConfigError
from firnline.server.basemaps import KNOWN, Basemap

FILE: Final = "settings.yaml"


def _distinct(basemaps: tuple[Basemap, ...]) -> tuple[Basemap, ...]:
    if len({each.name for each in basemaps}) < len(basemaps):
        raise ValueError("two basemaps have one name")
    return basemaps


class ServerSettings(BaseModel):
    """What a team may want otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    online_basemaps: bool = False
    """Whether pages may offer maps from the internet beneath the scenes; off, nothing leaves this machine."""
    basemaps: Annotated[tuple[Basemap, ...], AfterValidator(_distinct), Field(max_length=20)] = KNOWN
    """Those maps, should a team want others."""
    workers: int = Field(default=1, ge=1, le=64)
    """Jobs that run at once."""

    @property
    def offered(self) -> tuple[Basemap, ...]:
        """Basemaps that pages may show: none unless that is switched on."""
        return self.basemaps if self.online_basemaps else ()


def read_settings(state: Path) -> ServerSettings:
    """Read the settings of a project; the defaults where it has none.

    Raises
    ------
    ConfigError
        When the file is damaged or names an unknown setting.

    Examples
    --------
    >>> read_settings(Path("nowhere")).online_basemaps
    False
    """
    path = state / FILE
    if not path.exists():
        return ServerSettings()
    try:
        return ServerSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", where=path, do="correct or remove it") from None
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise ConfigError(what, where=path, do=f"known are {' '.join(ServerSettings.model_fields)}") from None
