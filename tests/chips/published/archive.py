"""A made-up archive in the exact layout of the published one, faults and all, with its truth beside it.

Written from the description of what the authors' code did, without any code of firnline: footprints spread by
``linspace`` over the scene's bounds with rows counted from the bottom, one CRS for all zones, holes of polygons
filled, gaps labelled background, ndsi with its sign flipped, images of ``splits`` standardised in place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

AUTHORS = "/datadrive/glaciers"
BANDS = [
    *("B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA"),
    *("ndvi", "ndsi", "ndwi", "elevation", "slope"),
]
MEANS, DEVIATIONS = np.full(15, 90.0), np.full(15, 45.0)


@dataclass(frozen=True)
class MadeScene:
    """A scene: rectangles (row, row, column, column) of ice, of a nunatak in it, of debris, of what was mapped."""

    number: int
    name: str
    date: str
    epsg: int
    left: float
    top: float
    shape: tuple[int, int]
    per_row: int
    """Patches a row, counted by hand."""
    patches: int
    drawn_per_row: int
    """Footprints a row that the authors' code draws, counted by hand."""
    drawn_rows: int
    ice: tuple[int, int, int, int]
    nunatak: tuple[int, int, int, int]
    debris: tuple[int, int, int, int]
    mapped: tuple[int, int, int, int]

    def box(self, rectangle: tuple[int, int, int, int]) -> shapely.Polygon:
        top, bottom, left, right = rectangle
        return shapely.box(self.left + 30 * left, self.top - 30 * bottom, self.left + 30 * right, self.top - 30 * top)

    def footprint(self, index: int) -> tuple[float, float, float, float]:
        """The true (left, bottom, right, top) of a patch."""
        left = self.left + 30 * 506 * (index % self.per_row)
        top = self.top - 30 * 506 * (index // self.per_row)
        return left, top - 30 * 512, left + 30 * 512, top

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Stripes of the broken scan-line corrector."""
        rows, columns = np.indices(self.shape)
        return (rows + columns // 8) % 33 < 7

    def painted(self, *, hole: bool, stripes: bool) -> NDArray[np.uint8]:
        """Classes: 0 background, 1 clean, 2 debris, 255 unknown outside what was mapped (and in the stripes)."""
        classes = np.zeros(self.shape, np.uint8)
        for value, (top, bottom, left, right) in ((1, self.ice), (0 if hole else 1, self.nunatak), (2, self.debris)):
            classes[top:bottom, left:right] = value
        outside = np.ones(self.shape, bool)
        outside[self.mapped[0] : self.mapped[1], self.mapped[2] : self.mapped[3]] = False
        classes[outside] = 255
        if stripes:
            classes[self.gaps] = 255
        return classes

    @property
    def published_mask(self) -> NDArray[np.uint8]:
        """Any glacier, clean, debris; the hole filled, and 0 outside what was mapped."""
        classes = self.painted(hole=False, stripes=False)
        clean, debris = classes == 1, classes == 2
        return np.stack([clean | debris, clean, debris], axis=2).astype(np.uint8)

    @property
    def image(self) -> NDArray[np.float32]:
        """(row, column, band) as published."""
        rows, columns = np.indices(self.shape)
        image = np.zeros((*self.shape, 15), np.float32)
        for band in range(9):
            image[..., band] = 40 + band + (rows // 16 * 7 + columns // 16 * 5 + band * 11) % 180
        image[..., 9] = 672
        green, red, near, short = (image[..., band] for band in range(1, 5))
        image[..., 10] = (near - red) / (near + red)
        image[..., 11] = (short - green) / (short + green)
        image[..., 12] = (near - short) / (near + short)
        image[self.gaps, :13] = np.nan
        image[..., 13] = 4000 + rows
        image[..., 14] = 20
        return image


SCENES = (
    MadeScene(
        *(14, "LE07_148036_20050902", "2005-09-02", 32643, 606045.0, 3840015.0, (1030, 1025), 2, 4, 2, 2),
        *((100, 300, 100, 300), (150, 200, 150, 200), (300, 360, 100, 300), (0, 1030, 0, 900)),
    ),
    MadeScene(
        *(4, "LE07_143039_20081212", "2008-12-12", 32644, 660015.0, 3400005.0, (520, 1020), 2, 2, 2, 1),
        *((50, 200, 400, 700), (60, 90, 505, 515), (200, 260, 400, 700), (0, 520, 0, 1020)),
    ),
    # 1016 = 2 * 506 + 4 columns: the code draws two footprints a row where there is one patch, so that every
    # footprint after the first is paired with the wrong patch.
    MadeScene(
        *(30, "LE07_134040_20070922", "2007-09-22", 32647, 236415.0, 3229845.0, (1030, 1016), 1, 2, 2, 2),
        *((600, 700, 20, 220), (620, 640, 40, 60), (700, 720, 20, 220), (0, 1030, 0, 1016)),
    ),
)
SPLITS = {"train": [(14, 0), (4, 0)], "dev": [(14, 1)], "test": [(14, 3)]}


def build(root: Path) -> None:
    """Write the archive to ``root/glacier_data``."""
    data = root / "glacier_data"
    for folder in ("raster_data", "masks", "slices", "vector_data", *(f"splits/{side}" for side in SPLITS)):
        (data / folder).mkdir(parents=True)
    features: list[dict[str, object]] = []
    for scene in SCENES:
        image = scene.image
        _write_scene(scene, image, data / "raster_data")
        np.save(data / "masks" / f"mask_{scene.number:02}.npy", scene.published_mask)
        _slice(scene, image, data, features)
    _write_geojson(data / "slices" / "slices.geojson", features)
    stats = {"means": MEANS.tolist(), "stds": DEVIATIONS.tolist()}
    (data / "slices" / "stats_train.json").write_text(json.dumps(stats))
    _write_vectors(data / "vector_data")


def _write_scene(scene: MadeScene, image: NDArray[np.float32], folder: Path) -> None:
    profile = {
        **{"driver": "GTiff", "count": 15, "dtype": "float32", "height": scene.shape[0], "width": scene.shape[1]},
        **{"crs": f"EPSG:{scene.epsg}", "transform": Affine(30, 0, scene.left, 0, -30, scene.top)},
    }
    with rasterio.open(folder / f"{scene.name}.tif", "w", **profile, interleave="pixel") as file:
        file.write(np.moveaxis(image, 2, 0))
        file.descriptions = BANDS


def _slice(scene: MadeScene, image: NDArray[np.float32], data: Path, features: list[dict[str, object]]) -> None:
    mask = scene.published_mask
    mask[np.isnan(image[..., 0])] = 0
    drawn = _drawn(scene)
    for index in range(max(scene.patches, len(drawn))):
        properties: dict[str, object] = {
            "img_source": f"{AUTHORS}/unique_tiles/{scene.name}.tif",
            "mask_source": f"{AUTHORS}/processed/masks/mask_{scene.number:02}.npy",
            "img_slice": None,
            "mask_slice": None,
        }
        if index < scene.patches:
            properties |= _write_patch(scene, index, image, mask, data)
        features.append({"type": "Feature", "properties": properties, "geometry": drawn[index]})


def _write_patch(
    scene: MadeScene, index: int, image: NDArray[np.float32], mask: NDArray[np.uint8], data: Path
) -> dict[str, object]:
    row, column = 506 * (index // scene.per_row), 506 * (index % scene.per_row)
    image_part = image[row : row + 512, column : column + 512]
    mask_part = mask[row : row + 512, column : column + 512]
    names = {half: f"slice_{scene.number}_{half}_{index:03}.npy" for half in ("img", "mask")}
    np.save(data / "slices" / names["img"], image_part)
    np.save(data / "slices" / names["mask"], mask_part)
    for side, members in SPLITS.items():
        if (scene.number, index) in members:
            standard = (np.nan_to_num(image_part) - MEANS) / DEVIATIONS
            np.save(data / "splits" / side / names["img"], standard.astype(np.float32))
            one_hot = np.stack([mask_part[..., 1], mask_part[..., 2], 1 - mask_part[..., 0]], axis=2)
            np.save(data / "splits" / side / names["mask"], one_hot.astype(np.uint8))
    means = {f"mask_mean_{channel}": float(mask_part[..., channel].mean()) for channel in range(3)}
    slices = f"{AUTHORS}/processed/slices"
    return {"img_slice": f"{slices}/{names['img']}", "mask_slice": f"{slices}/{names['mask']}", **means}


def _drawn(scene: MadeScene) -> list[dict[str, object]]:
    """The footprints as the authors' code drew them."""
    rows, columns = scene.shape
    longs = np.linspace(scene.left, scene.left + 30 * columns, columns)
    lats = np.linspace(scene.top - 30 * rows, scene.top, rows)
    boxes = [
        shapely.box(longs[506 * j], lats[506 * i], longs[506 * (j + 1)], lats[506 * (i + 1)])
        for i in range(scene.drawn_rows)
        for j in range(scene.drawn_per_row)
    ]
    return [shapely.geometry.mapping(box) for box in boxes]


def _write_geojson(path: Path, features: list[dict[str, object]]) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32643"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


def _write_vectors(folder: Path) -> None:
    clean, debris, borders = [], [], []
    for scene in SCENES:
        holed = scene.box(scene.ice).difference(scene.box(scene.nunatak))
        clean.append(_degrees(holed, scene.epsg))
        debris.append(_degrees(scene.box(scene.debris), scene.epsg))
        borders.append(_degrees(scene.box(scene.mapped), scene.epsg))
    ids = [f"G{scene.number}" for scene in SCENES]
    for name, words, shapes in (("clean", "Clean Ice", clean), ("debris", "Debris covered", debris)):
        frame = geopandas.GeoDataFrame({"Glaciers": words, "GLIMS_ID": ids}, geometry=shapes, crs=4326)
        frame.to_file(folder / f"{name}.shp")
    geopandas.GeoDataFrame({"name": ids}, geometry=borders, crs=4326).to_file(folder / "hkh.shp")


def _degrees(shape: shapely.Geometry, epsg: int) -> shapely.Geometry:
    """In degrees; edges get a vertex every pixel, as a straight one bends by up to a metre."""
    return geopandas.GeoSeries([shapely.segmentize(shape, 30.0)], crs=epsg).to_crs(4326).iloc[0]
