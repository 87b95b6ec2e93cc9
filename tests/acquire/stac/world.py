"""A made-up catalogue: COGs of two Landsat dates, a Sentinel-2 tile and a DEM, and the items that describe them."""

from __future__ import annotations

import datetime as dt
import json
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import geopandas
import numpy as np
import rasterio
import rasterio.shutil
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.warp import transform_geom

from .server import Answer, LoopbackServer, Request

UTM = CRS.from_epsg(32645)
LEFT, TOP, SIZE = 478005.0, 3108135.0, 320
"""Corner at 15 mod 30, as Landsat's are."""
LANDSAT = rasterio.Affine(30, 0, LEFT, 0, -30, TOP)
SENTINEL2 = rasterio.Affine(20, 0, 478000, 0, -20, 3108140)
BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22")
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
AOI = shapely.box(LEFT + 6000, TOP - 9000, LEFT + 9000, TOP - 6000)
"""Rows and columns 200 to 300 of the Landsat grid."""
CLEAR, CLOUD = 5440, 5440 | 0b1000
CLEAR_DAY, CLOUDY_DAY, WINTER_DAY = dt.date(2001, 10, 30), dt.date(2001, 9, 28), dt.date(2002, 1, 18)
ITEM_SEARCH = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]


@dataclass
class World:
    """Pixels as they are stored, by item and asset; items as a catalogue gives them; files on a server."""

    server: LoopbackServer
    items: list[dict[str, Any]] = field(default_factory=list)
    pixels: dict[tuple[str, str], NDArray[Any]] = field(default_factory=dict)

    def add(self, item: str, key: str, values: NDArray[Any], crs: CRS, transform: rasterio.Affine) -> str:
        """Serve an array as a COG; its address."""
        path = f"/{item}/{key}.tif"
        self.pixels[item, key] = values
        self.server.files[path] = cog(values, crs, transform)
        return f"{self.server.url}{path}"

    def item(self, name: str) -> dict[str, Any]:
        return next(item for item in self.items if item["id"] == name)

    def path(self, item: str, key: str) -> str:
        return f"/{item}/{key}.tif"


def cog(values: NDArray[Any], crs: CRS, transform: rasterio.Affine) -> bytes:
    with MemoryFile() as memory:
        profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype.name, "crs": crs, "transform": transform}
        with memory.open(**profile, height=values.shape[0], width=values.shape[1]) as dataset:
            dataset.write(values, 1)
        with MemoryFile() as target, memory.open() as dataset:
            options = {"BLOCKSIZE": "64", "COMPRESS": "DEFLATE", "OVERVIEW_RESAMPLING": "NEAREST"}
            rasterio.shutil.copy(dataset, target.name, driver="COG", **options)
            return bytes(target.read())


def build(server: LoopbackServer) -> World:
    """Two Landsat 7 days before the stripes, one of them cloudy; a winter day; a Sentinel-2 day; the DEM."""
    world = World(server)
    world.items += [
        landsat(world, CLEAR_DAY, seed=1, cloud=0.0),
        landsat(world, CLOUDY_DAY, seed=2, cloud=0.8),
        landsat(world, WINTER_DAY, seed=3, cloud=0.0, snowy=True),
        sentinel2(world),
        dem(world),
    ]
    return world


def scene(seed: int, shape: tuple[int, int], snowy: bool = False) -> dict[str, NDArray[np.float64]]:
    """Reflectance of rock with a glacier in the north-west; of snow all over in winter."""
    random = np.random.default_rng(seed)
    row, column = np.indices(shape)
    ice = np.full(shape, True) if snowy else (row + column) < 1.5 * shape[0]
    rock = dict(zip(BANDS, (0.10, 0.13, 0.16, 0.22, 0.28, 0.24), strict=True))
    snow = dict(zip(BANDS, (0.80, 0.78, 0.75, 0.65, 0.08, 0.05), strict=True))
    return {name: np.where(ice, snow[name], rock[name]) + random.normal(0, 0.01, shape) for name in BANDS}


def landsat(world: World, day: dt.date, *, seed: int, cloud: float, snowy: bool = False) -> dict[str, Any]:
    name = f"LE07_L2SP_140041_{day:%Y%m%d}_02_T1"
    shape = (SIZE, SIZE)
    reflectance = scene(seed, shape, snowy)
    assets = {}
    cloudy = np.zeros(shape, bool)
    cloudy[: int(cloud * SIZE)] = True
    for key, values in reflectance.items():
        values = np.where(cloudy, 0.9, values)
        stored = np.clip(np.round((values + 0.2) / 2.75e-5), 1, 65535).astype(np.uint16)
        stored[:, :5] = 0
        href = world.add(name, key, stored, UTM, LANDSAT)
        raster = {"nodata": 0, "data_type": "uint16", "scale": 2.75e-05, "offset": -0.2}
        assets[key] = {"href": href, "type": COG, "eo:bands": [{"common_name": key}], "raster:bands": [raster]}
    kelvin = np.full(shape, 270.0) + np.arange(SIZE) / 50
    heat = np.round((kelvin - 149.0) / 0.00341802).astype(np.uint16)
    raster = {"nodata": 0, "scale": 0.00341802, "offset": 149.0}
    href = world.add(name, "lwir", heat, UTM, LANDSAT)
    assets["lwir"] = {"href": href, "type": COG, "eo:bands": [{"common_name": "lwir"}], "raster:bands": [raster]}
    quality = np.where(cloudy, CLOUD, CLEAR).astype(np.uint16)
    assets["qa_pixel"] = {"href": world.add(name, "qa_pixel", quality, UTM, LANDSAT), "type": COG}
    radsat = np.zeros(shape, np.uint16)
    assets["qa_radsat"] = {"href": world.add(name, "qa_radsat", radsat, UTM, LANDSAT), "type": COG}
    assets["qa"] = {"href": f"{world.server.url}/uncertainty.tif", "type": COG, "raster:bands": [{"nodata": -9999}]}
    assets["mtl.json"] = {"href": f"{world.server.url}/mtl.json", "type": "application/json"}
    properties = {
        "datetime": f"{day}T04:32:41.5Z",
        "platform": "landsat-7",
        "instruments": ["etm"],
        "eo:cloud_cover": 100 * cloud,
        "view:sun_azimuth": 150.0,
        "view:sun_elevation": 42.0,
        "landsat:wrs_path": "140",
        "landsat:wrs_row": "041",
        "landsat:correction": "L2SP",
        "landsat:collection_number": "02",
        "created": "2022-03-09T15:13:21Z",
    }
    return feature(
        name, "landsat-c2-l2", shapely.box(LEFT, TOP - 30 * SIZE, LEFT + 30 * SIZE, TOP), properties, assets
    )


def sentinel2(world: World) -> dict[str, Any]:
    """Of baseline 05.10, with the offset of 1000 in it."""
    name = "S2A_MSIL2A_20231012T045701_R119_T45RVL_20231012T080531"
    reflectance = scene(7, (480, 480))
    numbers = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir08", "B11": "swir16", "B12": "swir22"}
    assets: dict[str, Any] = {}
    for key, band in numbers.items():
        stored = np.clip(np.round(reflectance[band] * 10000 + 1000), 1, 65535).astype(np.uint16)
        href = world.add(name, key, stored, UTM, SENTINEL2)
        assets[key] = {"href": href, "type": COG, "eo:bands": [{"name": key, "common_name": "nir"}], "gsd": 20}
    kinds = np.full((480, 480), 5, np.uint8)
    kinds[:40] = 9
    assets["SCL"] = {"href": world.add(name, "SCL", kinds, UTM, SENTINEL2), "type": COG}
    assets["visual"] = {
        "href": f"{world.server.url}/tci.tif",
        "type": COG,
        "eo:bands": [{"name": "B04"}, {"name": "B03"}],
    }
    properties = {
        "datetime": "2023-10-12T04:57:01.024Z",
        "platform": "Sentinel-2A",
        "eo:cloud_cover": 5.2,
        "s2:processing_baseline": "05.10",
        "s2:product_type": "S2MSI2A",
        "s2:mean_solar_azimuth": 155.0,
        "s2:mean_solar_zenith": 38.0,
    }
    return feature(
        name, "sentinel-2-l2a", shapely.box(478000, 3108140 - 9600, 478000 + 9600, 3108140), properties, assets
    )


def dem(world: World) -> dict[str, Any]:
    name = "Copernicus_DSM_COG_10_N27_00_E086_00_DEM"
    step = 1 / 1200
    transform = rasterio.Affine(step, 0, 86.7 - step / 2, 0, -step, 28.15 + step / 2)
    row, column = np.indices((300, 300))
    heights = (4000 + 3.0 * row + 5.0 * column).astype(np.float32)
    href = world.add(name, "data", heights, CRS.from_epsg(4326), transform)
    assets = {"data": {"href": href, "type": COG, "roles": ["data"]}}
    box = shapely.box(transform.c, transform.f - 300 * step, transform.c + 300 * step, transform.f)
    properties = {"datetime": "2021-04-22T00:00:00Z", "gsd": 30}
    return feature(name, "cop-dem-glo-30", box, properties, assets, crs=CRS.from_epsg(4326))


def feature(
    name: str,
    collection: str,
    box: shapely.Polygon,
    properties: dict[str, Any],
    assets: dict[str, Any],
    crs: CRS = UTM,
) -> dict[str, Any]:
    geometry = transform_geom(crs, "EPSG:4326", shapely.geometry.mapping(box))
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": json.loads(json.dumps(geometry)),
        "bbox": list(shapely.geometry.shape(geometry).bounds),
        "properties": properties,
        "links": [],
        "assets": assets,
    }


def collections(world: World) -> list[dict[str, Any]]:
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2000-01-01T00:00:00Z", None]]}}
    common = {"type": "Collection", "stac_version": "1.0.0", "description": "-", "license": "other", "links": []}
    names = dict.fromkeys(item["collection"] for item in world.items)
    return [{**common, "id": name, "extent": extent} for name in names]


def write_area(path: Path, area: shapely.Polygon = AOI, crs: CRS = UTM) -> Path:
    geopandas.GeoDataFrame(geometry=[area], crs=crs.to_wkt()).to_file(path)
    return path


@dataclass
class FakeApi:
    """A STAC API in a few lines, for what a good server does not do; what it was asked is in `asked`."""

    world: World
    page: int = 100
    conforms: list[str] = field(default_factory=lambda: list(ITEM_SEARCH))
    post: bool = True
    deaf: bool = False
    """Whether it minds neither ids, box nor dates."""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def mount(self, root: str = "/stac") -> str:
        server = self.world.server
        self.url = f"{server.url}{root}"
        server.routes[root] = server.routes[f"{root}/"] = self._landing
        server.routes[f"{root}/search"] = self._search
        return self.url

    def _landing(self, _: Request) -> Answer:
        links = [{"rel": rel, "href": self.url, "type": "application/json"} for rel in ("self", "root")]
        search = {"rel": "search", "href": f"{self.url}/search", "type": "application/geo+json", "method": "GET"}
        links += [search, {**search, "method": "POST"}] if self.post else [search]
        common = {"type": "Catalog", "stac_version": "1.0.0", "id": "fake", "description": "-"}
        return Answer.of({**common, "conformsTo": self.conforms, "links": links})

    def _search(self, request: Request) -> Answer:
        if request.method == "POST":
            what = request.json
        else:
            what = {key: values[0] for key, values in parse_qs(request.query).items()}
            for key in ("collections", "ids"):
                what[key] = what[key].split(",") if key in what else None
            what["bbox"] = [float(edge) for edge in what["bbox"].split(",")] if "bbox" in what else None
        self.asked.append(what)
        found = [item for item in self.world.items if self.deaf or self._fits(item, what)]
        start = int(what.get("token") or 0)
        links = []
        if start + self.page < len(found):
            body = {**what, "token": str(start + self.page)}
            link = {"rel": "next", "href": f"{self.url}/search", "type": "application/geo+json"}
            links.append({**link, "method": "POST", "body": body})
        features = deepcopy(found[start : start + self.page])
        return Answer.of({"type": "FeatureCollection", "features": features, "links": links})

    def _fits(self, item: dict[str, Any], what: dict[str, Any]) -> bool:
        if not isinstance(item.get("bbox"), list):
            return True
        inside = not what.get("bbox") or shapely.box(*what["bbox"]).intersects(shapely.box(*item["bbox"]))
        named = not what.get("ids") or item["id"] in what["ids"]
        first, _, last = (what.get("datetime") or "0/9").partition("/")
        in_time = first.replace("..", "0") <= item["properties"]["datetime"] <= last.replace("..", "9")
        return item.get("collection") in (what["collections"] or []) and inside and named and in_time
