"""Corrupts good scenes in known ways, and counts how many of them `firnline scenes check` refuses.

    python benchmarks/corrupt_scenes.py [DATA_DIR] [--list]
    python benchmarks/corrupt_scenes.py [DATA_DIR] --pieces 256     # good scenes cut into pieces: is one refused?

DATA_DIR is ../shared/data without one. Good scenes are the real ones there, read with the sidecars in examples/, and
made-up ones. Prints a table by kind of corruption; with --list each scene that was not refused. The figures are in
docs/checks.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import rasterio
import yaml
from affine import Affine
from numpy.typing import NDArray

from firnline.bands import Level
from firnline.features import FeatureSource
from firnline.grid import Grid, Window
from firnline.preflight.check import check_scene
from firnline.scene import Scene, open_scene
from firnline.synthetic import make_range

ROOT = Path(__file__).parents[1]
FEET = 3.28084
VISIBLE = ("blue", "green", "red")


@dataclass
class Copy:
    """A scene taken apart: stored numbers, and all that tells what they are. Corruptions change it."""

    name: str
    group: str
    grid: Grid
    names: list[str]
    stored: NDArray[np.float64]
    scales: list[float]
    offsets: list[float]
    nodata: list[float | None]
    levels: list[Level]
    notes: dict[str, object]
    tags: dict[str, str] = field(default_factory=dict)
    dem: tuple[NDArray[np.float32], Affine, object] | None = None

    def at(self, band: str) -> int:
        """Position of a band."""
        return self.names.index(band)

    def has(self, *bands: str) -> bool:
        """Whether all of the bands are there."""
        return set(bands) <= set(self.names)

    @property
    def optical(self) -> list[int]:
        """Positions of the optical bands."""
        known = ("blue", "green", "red", "nir08", "swir16", "swir22", "pan")
        return [i for i, name in enumerate(self.names) if name in known]

    def is_reflectance(self) -> bool:
        """Whether the optical bands are fractions once read."""
        return all(self.levels[i] != Level.DIGITAL_NUMBER for i in self.optical)

    def values(self, band: str) -> NDArray[np.float64]:
        """Values in the band's unit, NaN where unknown."""
        i = self.at(band)
        raw = np.where(self.stored[i] == self.nodata[i], np.nan, self.stored[i])
        return raw * self.scales[i] + self.offsets[i]

    def write(self, folder: Path) -> FeatureSource:
        """Write it as float64 with a sidecar that says what it says, and open it."""
        path = folder / f"{self.name}.tif"
        count, height, width = self.stored.shape
        profile = {"driver": "GTiff", "dtype": "float64", "count": count, "height": height, "width": width}
        with rasterio.open(
            path, "w", crs=self.grid.crs, transform=self.grid.transform, nodata=np.nan, **profile
        ) as out:
            stored = self.stored.copy()
            for i, nodata in enumerate(self.nodata):
                if nodata is not None:
                    stored[i][stored[i] == nodata] = np.nan
            out.write(stored)
            out.descriptions = self.names
            out.scales, out.offsets = self.scales, self.offsets
            out.update_tags(**self.tags)
        told = {
            name: {"level": str(level)}
            for name, level in zip(self.names, self.levels, strict=True)
            if level not in (Level.UNKNOWN, Level.NOT_RADIOMETRIC)
        }
        side = path.with_name(f"{self.name}.firnline.yaml")
        side.write_text(yaml.safe_dump({"bands": told, **self.notes}))
        return FeatureSource(open_scene(path), self._dem(folder))

    def _dem(self, folder: Path) -> Path | None:
        if self.dem is None:
            return None
        heights, transform, crs = self.dem
        path = folder / f"{self.name}_dem.tif"
        profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": crs, "transform": transform}
        with rasterio.open(
            path, "w", height=heights.shape[0], width=heights.shape[1], nodata=np.nan, **profile
        ) as out:
            out.write(heights, 1)
        return path


def take_apart(scene: Scene, group: str, dem: Path | None = None) -> Copy:
    """Read all of a good scene; its fill becomes nodata of every band."""
    with rasterio.open(scene.path) as file:
        stored = file.read([band.index for band in scene.bands]).astype(np.float64)
    with scene.reader() as reader:
        known = np.isfinite(reader.read(scene.band_names))
    stored[~known] = np.nan
    notes: dict[str, object] = {}
    if scene.sensor is not None:
        notes["sensor"] = str(scene.sensor)
    if scene.date is not None:
        notes["date"] = scene.date.isoformat()
    heights = None
    if dem is not None:
        with rasterio.open(dem) as file:
            heights = (file.read(1).astype(np.float32), file.transform, file.crs)
    return Copy(
        f"{group}-{scene.path.stem}",
        group,
        scene.grid,
        list(scene.band_names),
        stored,
        [band.scale for band in scene.bands],
        [band.offset for band in scene.bands],
        [None] * len(scene.bands),
        [band.level for band in scene.bands],
        notes,
        dem=heights,
    )


# The corruptions: each changes a copy, or gives None where it does not apply

Corruption = Callable[[Copy], Copy | None]


def swapped(a: str, b: str) -> Corruption:
    """Two names change places; what belongs to the stored numbers stays with them."""

    def corrupt(copy: Copy) -> Copy | None:
        if not copy.has(a, b):
            return None
        names = [{a: b, b: a}.get(name, name) for name in copy.names]
        return replace(copy, names=names)

    return corrupt


def called(level: Level, scale: float = 1.0) -> Corruption:
    """The optical bands are stored numbers (times `scale`), said to be of another level."""

    def corrupt(copy: Copy) -> Copy | None:
        scales, offsets, levels = list(copy.scales), list(copy.offsets), list(copy.levels)
        for i in copy.optical:
            scales[i], offsets[i], levels[i] = scale, 0.0, level
        is_same = (scales, offsets, levels) == (copy.scales, copy.offsets, copy.levels)
        return None if is_same else replace(copy, scales=scales, offsets=offsets, levels=levels)

    return corrupt


def rescaled(factor: float) -> Corruption:
    """Reflectance times a factor."""

    def corrupt(copy: Copy) -> Copy | None:
        if not copy.is_reflectance():
            return None
        scales, offsets = list(copy.scales), list(copy.offsets)
        for i in copy.optical:
            scales[i], offsets[i] = scales[i] * factor, offsets[i] * factor
        return replace(copy, scales=scales, offsets=offsets)

    return corrupt


def offset_by(times: float, tags: dict[str, str] | None = None, *, plain: bool = False) -> Corruption:
    """The product's offset (-0.2 or -0.1) is taken off `times` more often; `plain` drops what metadata would tell."""

    def corrupt(copy: Copy) -> Copy | None:
        if not copy.is_reflectance() or (tags and copy.notes.get("sensor") != "sentinel2"):
            return None
        step = -0.1 if copy.notes.get("sensor") == "sentinel2" else -0.2
        stored, scales, offsets, levels = copy.stored.copy(), list(copy.scales), list(copy.offsets), list(copy.levels)
        for i in copy.optical:
            if plain:
                stored[i] = stored[i] * scales[i] + offsets[i]
                scales[i], offsets[i] = 1.0, 0.0
                levels[i] = Level.SURFACE_REFLECTANCE
            offsets[i] += times * step
        return replace(
            copy, stored=stored, scales=scales, offsets=offsets, levels=levels, tags={**copy.tags, **(tags or {})}
        )

    return corrupt


def thermal(kind: str) -> Corruption:
    """A thermal band in kelvin that becomes something else, or digital numbers said to be kelvin."""

    def corrupt(copy: Copy) -> Copy | None:
        positions = [i for i, name in enumerate(copy.names) if name.startswith("lwir")]
        if not positions:
            return None
        scales, offsets, levels = list(copy.scales), list(copy.offsets), list(copy.levels)
        for i in positions:
            is_kelvin = copy.levels[i] in (Level.SURFACE_TEMPERATURE, Level.BRIGHTNESS_TEMPERATURE)
            if kind == "celsius" and is_kelvin:
                offsets[i] -= 273.15
            elif kind == "kelvin called numbers" and is_kelvin:
                levels[i] = Level.DIGITAL_NUMBER
            elif kind == "numbers called kelvin":
                scales[i], offsets[i], levels[i] = 1.0, 0.0, Level.SURFACE_TEMPERATURE
            else:
                return None
        return replace(copy, scales=scales, offsets=offsets, levels=levels)

    return corrupt


def celsius_plain(copy: Copy) -> Copy | None:
    """Temperature in Celsius as plain numbers, without the scale that tells Landsat."""
    if "lwir11" not in copy.names or copy.levels[copy.at("lwir11")] != Level.SURFACE_TEMPERATURE:
        return None
    i, stored = copy.at("lwir11"), copy.stored.copy()
    stored[i] = copy.values("lwir11") - 273.15
    scales, offsets, levels = list(copy.scales), list(copy.offsets), list(copy.levels)
    scales[i], offsets[i], levels[i] = 1.0, 0.0, Level.UNKNOWN
    return replace(copy, stored=stored, scales=scales, offsets=offsets, levels=levels)


def changed(band: str, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Corruption:
    """The stored numbers of one band change."""

    def corrupt(copy: Copy) -> Copy | None:
        if band not in copy.names:
            return None
        stored = copy.stored.copy()
        stored[copy.at(band)] = change(stored[copy.at(band)])
        return replace(copy, stored=stored)

    return corrupt


def slope_in(unit: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Corruption:
    """The stored slope, from degrees to another unit."""

    def corrupt(copy: Copy) -> Copy | None:
        if not copy.has("slope"):
            return None
        degrees = np.minimum(copy.values("slope"), 89.0)
        scale = copy.scales[copy.at("slope")]
        return changed("slope", lambda _: unit(degrees) / scale)(copy)

    return corrupt


def dem_feet(copy: Copy) -> Copy | None:
    """Heights in feet: those stored, or those of the DEM beside the scene."""
    if copy.dem is not None:
        heights, *where = copy.dem
        return replace(copy, dem=(heights * np.float32(FEET), *where))
    return changed("elevation", lambda heights: heights * FEET)(copy)


def dem_feet_alone(copy: Copy) -> Copy | None:
    """Low mountains (800 m at the lowest) in feet, and no stored slope to compare with."""
    if not copy.has("elevation"):
        return None
    lower = changed("elevation", lambda heights: (heights - np.nanmin(heights) + 800) * FEET)(copy)
    assert lower is not None
    keep = [i for i, name in enumerate(copy.names) if name != "slope"]
    parts = {
        key: [getattr(lower, key)[i] for i in keep] for key in ("names", "scales", "offsets", "nodata", "levels")
    }
    return replace(lower, stored=lower.stored[keep], **parts)


def dem_moved(rows: int, columns: int) -> Corruption:
    """Heights and slope moved against the image."""

    def corrupt(copy: Copy) -> Copy | None:
        if copy.dem is not None:
            heights, transform, crs = copy.dem
            size = copy.grid.transform.a
            return replace(copy, dem=(heights, Affine.translation(columns * size, -rows * size) @ transform, crs))
        if not copy.has("elevation"):
            return None
        stored = copy.stored.copy()
        for band in ("elevation", "slope"):
            if copy.has(band):
                stored[copy.at(band)] = np.roll(stored[copy.at(band)], (rows, columns), (0, 1))
        return replace(copy, stored=stored)

    return corrupt


def with_holes(heights: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """A hole of 20 x 20 pixels read as a height."""
    heights = heights.copy()
    heights[100:120, 100:120] = value
    return heights


def flipped_ndsi(copy: Copy) -> Copy | None:
    """An ndsi with its sign flipped, stored beside its bands."""
    if not copy.has("green", "swir16"):
        return None
    if copy.has("ndsi"):
        return changed("ndsi", lambda index: -index)(copy)
    green, short = copy.values("green"), copy.values("swir16")
    with np.errstate(divide="ignore", invalid="ignore"):
        index = (short - green) / (short + green)
    index[~np.isfinite(index)] = np.nan
    return replace(
        copy,
        names=[*copy.names, "ndsi"],
        stored=np.concatenate([copy.stored, index[None]]),
        scales=[*copy.scales, 1.0],
        offsets=[*copy.offsets, 0.0],
        nodata=[*copy.nodata, None],
        levels=[*copy.levels, Level.NOT_RADIOMETRIC],
    )


def striped(copy: Copy) -> Copy | None:
    """Wedges of 8 of 33 lines that hold 0 in all bands, which nothing declares as nodata."""
    size = copy.grid.transform.a
    if abs(size - 30) > 1:
        return None
    stored = np.nan_to_num(copy.stored, nan=-1e9)
    rows, columns = np.mgrid[: stored.shape[1], : stored.shape[2]]
    gap = (rows - columns * np.tan(np.radians(10.3))) % 33 < 8
    measured = [i for i, name in enumerate(copy.names) if name not in ("elevation", "slope")]
    for i in measured:
        stored[i][gap] = 0
    return replace(copy, stored=stored, nodata=[-1e9] * len(copy.names))


def other_scale(copy: Copy) -> Copy | None:
    """The numbers of one sensor read with the scale and offset of the other."""
    if not copy.is_reflectance():
        return None
    is_second = copy.notes.get("sensor") == "sentinel2"
    scale, offset = (2.75e-05, -0.2) if is_second else (1e-4, 0.0)
    scales, offsets, levels = list(copy.scales), list(copy.offsets), list(copy.levels)
    for i in copy.optical:
        scales[i], offsets[i], levels[i] = scale, offset, Level.SURFACE_REFLECTANCE
    return replace(copy, scales=scales, offsets=offsets, levels=levels)


CORRUPTIONS: dict[str, Corruption] = {
    "green and swir16 swapped": swapped("green", "swir16"),
    "red and swir16 swapped": swapped("red", "swir16"),
    "red and nir08 swapped": swapped("red", "nir08"),
    "nir08 and swir16 swapped": swapped("nir08", "swir16"),
    "blue and red swapped": swapped("blue", "red"),
    "blue and green swapped": swapped("blue", "green"),
    "swir16 and lwir11 swapped": swapped("swir16", "lwir11"),
    "swir16 and swir22 swapped": swapped("swir16", "swir22"),
    "digital numbers called surface reflectance": called(Level.SURFACE_REFLECTANCE),
    "Landsat numbers read with Sentinel-2's scale, or the reverse": other_scale,
    "reflectance in per cent": rescaled(100.0),
    "scale applied twice": rescaled(1e-4),
    "offset taken off twice": offset_by(1),
    "offset taken off twice, nothing but pixels": offset_by(1, plain=True),
    "offset not taken off": offset_by(-1),
    "offset not taken off, nothing but pixels": offset_by(-1, plain=True),
    "Sentinel-2 05.09, offset not taken off": offset_by(-1, {"PROCESSING_BASELINE": "05.09"}),
    "Sentinel-2 02.13, offset taken off": offset_by(1, {"PROCESSING_BASELINE": "02.13"}),
    "thermal in Celsius": thermal("celsius"),
    "thermal in Celsius, plain numbers": celsius_plain,
    "thermal in kelvin called digital numbers": thermal("kelvin called numbers"),
    "thermal digital numbers called kelvin": thermal("numbers called kelvin"),
    "ndsi with its sign flipped": flipped_ndsi,
    "stripes filled with 0": striped,
    "heights in feet": dem_feet,
    "heights in feet, low mountains, no slope stored": dem_feet_alone,
    "hole in the heights is 0": changed("elevation", lambda heights: with_holes(heights, 0.0)),
    "hole in the heights is -32768": changed("elevation", lambda heights: with_holes(heights, -32768.0)),
    "slope in radians": slope_in(np.radians),
    "slope in per cent": slope_in(lambda degrees: 100 * np.tan(np.radians(degrees))),
    "heights 10 pixels off": dem_moved(8, 6),
    "heights mirrored": changed("elevation", np.flipud),
}


def good_scenes(data: Path, folder: Path) -> Iterator[Copy]:
    """The real scenes, and made-up ones of each sensor."""
    sidecars = ROOT / "examples" / "sidecars"
    for path in sorted((data / "landsat8-zanskar").glob("*_image.tif")):
        yield take_apart(open_scene(path), "landsat8-zanskar")
    for path in sorted((data / "sentinel2-himalaya").glob("*_image.tif")):
        yield take_apart(open_scene(path, sidecar=sidecars / "sentinel2-himalaya.yaml"), "sentinel2-himalaya")
    for path in sorted((data / "landsat7-everest").glob("*_image.tif")):
        scene = open_scene(path, sidecar=sidecars / "everest.yaml")
        yield take_apart(scene, "landsat7-everest", path.with_name("aw3d_dem_50m.tif"))
    for path in sorted((data / "lila-hkh-sample" / "raster_data").glob("*.tif")):
        yield take_apart(open_scene(path), "lila-hkh-sample")
    for sensor in ("landsat7", "landsat8", "sentinel2"):
        for seed in (1, 2):
            made = make_range(folder / f"{sensor}-{seed}", width=512, height=512, seed=seed, sensor=sensor)
            yield replace(take_apart(open_scene(made.scene), f"synth-{sensor}"), name=f"synth-{sensor}-{seed}")


def pieces(copy: Copy, side: int) -> Iterator[Copy]:
    """A scene cut into squares, those at the edge at least half as wide; without a DEM beside it."""
    _, height, width = copy.stored.shape
    for row in range(0, max(1, height - side // 2), side):
        for column in range(0, max(1, width - side // 2), side):
            window = Window(row, column, min(side, height - row), min(side, width - column))
            yield replace(
                copy,
                name=f"{copy.name}_{row}_{column}",
                stored=copy.stored[(slice(None), *window.slices)],
                grid=copy.grid.of_window(window),
                dem=None,
            )


def try_pieces(data: Path, side: int) -> None:
    """Print which pieces of good scenes are refused."""
    tried = refused = 0
    with tempfile.TemporaryDirectory() as name:
        for copy in good_scenes(data, Path(name)):
            for piece in pieces(copy, side):
                found = check_scene(piece.write(Path(name)))
                tried, refused = tried + 1, refused + found.is_refused
                if found.is_refused:
                    print(piece.name, *(finding.what for finding in found.refusals), sep="\n  ")
    print(f"refused {refused} of {tried} good pieces of {side} x {side} pixels")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=ROOT.parent / "shared" / "data")
    parser.add_argument("--list", action="store_true", help="name each scene that was not refused")
    parser.add_argument("--pieces", type=int, help="cut good scenes into pieces of so many pixels instead")
    arguments = parser.parse_args()
    if arguments.pieces:
        try_pieces(arguments.data, arguments.pieces)
    else:
        try_corruptions(arguments.data, arguments.list)


def try_corruptions(data: Path, is_listed: bool) -> None:
    """Print how many scenes are refused, by kind of corruption."""
    counts: dict[str, dict[str, list[int]]] = {}
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for copy in good_scenes(data, folder):
            group = "synthetic" if copy.group.startswith("synth") else copy.group
            for kind, corrupt in {"nothing (good as it is)": lambda good: good, **CORRUPTIONS}.items():
                bad = corrupt(copy)
                if bad is None:
                    continue
                found = check_scene(bad.write(folder))
                tally = counts.setdefault(kind, {}).setdefault(group, [0, 0])
                tally[0] += found.is_refused
                tally[1] += 1
                if found.is_refused == kind.startswith("nothing"):
                    missed.append(f"{kind}: {copy.name} {[finding.what for finding in found.refusals]}")
    _print(counts)
    if is_listed:
        print("\n".join(missed))


def _print(counts: dict[str, dict[str, list[int]]]) -> None:
    groups = list(dict.fromkeys(group for each in counts.values() for group in each))
    print("| corruption | " + " | ".join(groups) + " | all |")
    print("| --- " * (len(groups) + 2) + "|")
    for kind, by_group in counts.items():
        cells = [f"{by_group[group][0]} of {by_group[group][1]}" if group in by_group else "" for group in groups]
        total = [sum(each[i] for each in by_group.values()) for i in (0, 1)]
        print(f"| {kind} | {' | '.join(cells)} | {total[0]} of {total[1]} |")
    bad = [pair for kind, each in counts.items() if not kind.startswith("nothing") for pair in each.values()]
    refused, made = (sum(pair[i] for pair in bad) for i in (0, 1))
    print(f"\nrefused {refused} of {made} corrupted scenes, {100 * refused / made:.1f} %")


if __name__ == "__main__":
    main()
