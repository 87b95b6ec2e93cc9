"""The small file beside a raster that says what the raster does not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from firnline.bands import Level, Sensor
from firnline.errors import ConfigError

SUFFIX = ".firnline.yaml"
"""``scene.tif`` is explained by ``scene.firnline.yaml`` beside it."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BandNote(_Settings):
    """What the raster does not say of one band: value in `unit` = stored * `scale` + `offset`.

    What is not given here is taken from the raster.
    """

    name: str | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    level: Level | None = None


class Fill(_Settings):
    """A pixel is unknown in every band where the stored value of `band` is `value`."""

    band: str
    value: float = 0


class Sidecar(_Settings):
    """What a sidecar may say.

    ``names`` gives the bands' names in file order (for a raster without band descriptions); ``bands`` corrects
    bands by the name that the raster (or ``names``) gives them; ``level`` is that of the optical bands.

    Examples
    --------
    >>> note = Sidecar.model_validate({"sensor": "landsat7", "bands": {"ndwi": {"name": "ndmi"}}})
    >>> note.bands["ndwi"].name
    'ndmi'
    """

    sensor: Sensor | None = None
    date: Annotated[dt.date | None, BeforeValidator(lambda value: None if value == "" else value)] = None
    level: Level | None = None
    names: tuple[str, ...] | None = None
    bands: dict[str, BandNote] = {}
    fill: Fill | None = None
    note: str = ""


def explain(error: ValidationError) -> str:
    """Put the first error of pydantic into words: the key, and what is wrong with it.

    Examples
    --------
    >>> try:
    ...     Sidecar.model_validate({"sensor": "landsat11"})
    ... except ValidationError as error:
    ...     explain(error)
    "sensor: Input should be 'landsat5', 'landsat7', 'landsat8', 'landsat9' or 'sentinel2'"
    """
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            message = "is not a known key"
        case "model_type" | "model_attributes_type" | "dataclass_type":
            message = "must be keys with values"
        case "value_error":
            message = first["msg"].removeprefix("Value error, ")
        case _:
            message = first["msg"]
    return f"{key}: {message}" if key else message


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar (YAML or JSON).

    Raises
    ------
    ConfigError
        When it cannot be read, or a key or value is not known.
    """
    try:
        return Sidecar.model_validate(read_yaml(path, "a sidecar"))
    except ValidationError as error:
        raise ConfigError(explain(error), where=path, do="see docs/scenes.md for what a sidecar may say") from None


def read_yaml(path: Path, what: str) -> Any:
    """Read a YAML (or JSON) file of settings; an empty one is one without keys.

    Parameters
    ----------
    path
        The file.
    what
        What it is, for the message when it cannot be read.

    Raises
    ------
    ConfigError
        When it cannot be read, or is not YAML.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read as {what}: {error.strerror}", where=path) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text in UTF-8: {error.reason}", where=path) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: what looks like a date, and is none
        raise ConfigError(f"is not YAML: {error}", where=path) from None
    return {} if content is None else content


def find_sidecar(scene: Path) -> Path | None:
    """The sidecar that lies beside a scene, or None."""
    path = scene.with_name(scene.stem + SUFFIX)
    return path if path.is_file() else None
