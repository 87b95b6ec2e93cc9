"""Maps from the internet that may lie beneath the scenes: where their tiles are, and whom to thank."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_PLACEHOLDERS: Final = ("{z}", "{x}", "{y}")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.IGNORECASE)
"""A host: nothing that would mean something in a content security policy."""
_REST: Final = re.compile(r"[A-Za-z0-9._~:/?@!$&()*+,;=%{}-]+")


def _http(url: str) -> str:
    """An address of the web without a user's name; ValueError where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address begins with https:// (or http://) and a host")
    if "@" in parts.netloc:
        raise ValueError("an address carries no name and no password: whoever opens the page would have them")
    if not _NAME.fullmatch(parts.netloc.removesuffix(f":{parts.port}")):
        raise ValueError("the host has signs that no host has")
    return url


def _tiles(url: str) -> str:
    """An address of tiles; ValueError where it is none."""
    parts = urlsplit(_http(url))
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    if parts.fragment or not _REST.fullmatch(path):
        raise ValueError("an address of tiles has no spaces, quotes or fragment")
    for each in _PLACEHOLDERS:
        if path.count(each) != 1:
            raise ValueError(f"an address of tiles has {each} in it, once")
        path = path.replace(each, "")
    if "{" in path or "}" in path:
        raise ValueError("{z}, {x} and {y} alone are known in an address of tiles: name one host in full")
    return url


class Basemap(BaseModel):
    """A map of square tiles in Web Mercator (EPSG:3857), numbered from the north-west ("XYZ").

    Examples
    --------
    >>> Basemap(name="ours", url="https://tiles.example.org:8443/{z}/{x}/{y}.png", attribution="us").origin
    'https://tiles.example.org:8443'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=60)]
    url: Annotated[str, AfterValidator(_tiles), Field(max_length=500)]
    """Where tiles are, with ``{z}``, ``{x}`` and ``{y}``."""
    attribution: Annotated[str, Field(min_length=1, max_length=300)]
    """Whom to thank, as plain words; shown on the map as long as it is."""
    terms: Annotated[str, AfterValidator(_http), Field(max_length=500)] | None = None
    """A page to which the words lead."""
    max_zoom: Annotated[int, Field(ge=0, le=24)] = 18
    """The finest level that there is."""

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a content security policy allows."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


KNOWN: Final = (
    Basemap(
        name="OpenTopoMap",
        url="https://tile.opentopomap.org/{z}/{x}/{y}.png",
        attribution="© OpenStreetMap contributors, SRTM; map style © OpenTopoMap (CC-BY-SA)",
        terms="https://opentopomap.org/about",
        max_zoom=17,
    ),
    Basemap(
        name="OpenStreetMap",
        url="https://tile.openstreetmap.org/{z}/{x}/{y}.png",
        attribution="© OpenStreetMap contributors",
        terms="https://www.openstreetmap.org/copyright",
        max_zoom=19,
    ),
)
"""Maps whose terms allow people to look at them in a tool like this, one view after the other."""
