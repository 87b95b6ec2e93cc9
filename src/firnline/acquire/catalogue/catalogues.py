"""Catalogues that are known by name: where they answer, what their collections are called, who signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from firnline.acquire.network import require_http, without_query
from firnline.bands import Sensor
from firnline.errors import ConfigError


class Family(StrEnum):
    """What a collection holds."""

    LANDSAT = "Landsat Collection 2 Level 2"
    SENTINEL2 = "Sentinel-2 Level 2A"
    DEM = "Copernicus DEM GLO-30"


_ELSE: Final = {
    Family.LANDSAT: "choose another --catalogue, or give --collection",
    Family.SENTINEL2: "choose another --catalogue, or give --collection",
    Family.DEM: "give --dem FILE, --dem-catalogue or --dem-collection, or --no-dem",
}

FAMILIES: Final[Mapping[Sensor, Family]] = {
    **{sensor: Family.LANDSAT for sensor in Sensor if sensor.startswith("landsat")},
    Sensor.SENTINEL2: Family.SENTINEL2,
}

DEM_NAME: Final = "Copernicus DEM GLO-30"
DEM_DATE: Final = "2011/2015"
"""The years of the TanDEM-X data behind it. Catalogues give the day of its publication, which says nothing of the
surface that was measured."""


@dataclass(frozen=True)
class Catalogue:
    """A STAC API, and what its collections hold.

    `token_url` is where addresses are signed (``{collection}`` stands for the collection), `signed_hosts` the ends
    of host names that want it. `keeps_sentinel2_offset` says that its Sentinel-2 pixels are those of ESA, with the
    1000 that was added from processing baseline 04.00 on; None: it is not known, an item must say so itself.
    `note` is what a user of it has to know.
    """

    name: str
    api: str
    collections: Mapping[Family, str] = field(default_factory=dict)
    token_url: str | None = None
    signed_hosts: tuple[str, ...] = ()
    keeps_sentinel2_offset: bool | None = None
    note: str = ""

    def collection(self, family: Family) -> str:
        """The name of the collection that holds a family of products.

        Raises
        ------
        ConfigError
            When this catalogue has none.
        """
        if family not in self.collections:
            raise ConfigError(f"has no collection of {family}", where=self.name, do=_ELSE[family])
        return self.collections[family]


PRESETS: Final[Mapping[str, Catalogue]] = {
    catalogue.name: catalogue
    for catalogue in (
        Catalogue(
            "planetary-computer",
            "https://planetarycomputer.microsoft.com/api/stac/v1",
            {Family.LANDSAT: "landsat-c2-l2", Family.SENTINEL2: "sentinel-2-l2a", Family.DEM: "cop-dem-glo-30"},
            token_url="https://planetarycomputer.microsoft.com/api/sas/v1/token/{collection}",
            signed_hosts=(".blob.core.windows.net",),
            keeps_sentinel2_offset=True,
            note="anonymous; addresses are signed",
        ),
        Catalogue(
            "earth-search",
            "https://earth-search.aws.element84.com/v1",
            {Family.LANDSAT: "landsat-c2-l2", Family.SENTINEL2: "sentinel-2-l2a", Family.DEM: "cop-dem-glo-30"},
            note="anonymous for Sentinel-2 and the DEM; Landsat pixels need an account of USGS",
        ),
        Catalogue(
            "usgs",
            "https://landsatlook.usgs.gov/stac-server",
            {Family.LANDSAT: "landsat-c2l2-sr"},
            note="search is anonymous; pixels need an account of USGS; temperature is in landsat-c2l2-st",
        ),
    )
}
"""After the catalogues' own documentation; the first is taken where none is named."""

DEFAULT: Final = "planetary-computer"


def choose_catalogue(preset: str | None, api: str | None) -> Catalogue:
    """The catalogue that a user names: a preset, or the address of any STAC API.

    Raises
    ------
    ConfigError
        When both are given, or the preset is not known.

    Examples
    --------
    >>> choose_catalogue(None, None).name, choose_catalogue(None, "https://stac.example.org").api
    ('planetary-computer', 'https://stac.example.org')
    """
    if api is not None:
        if preset is not None:
            raise ConfigError("both name a catalogue", where="--catalogue and --api", do="give one of them")
        require_http(api, "--api")
        known = {catalogue.api: catalogue for catalogue in PRESETS.values()}
        return known.get(api.rstrip("/"), Catalogue(without_query(api), api))
    if (preset or DEFAULT) not in PRESETS:
        raise ConfigError(
            f"'{preset}' is not known", where="--catalogue", do=f"choose {', '.join(PRESETS)}, or --api URL"
        )
    return PRESETS[preset or DEFAULT]
