"""Plants faults in good inventories, and counts how many of them `firnline inventory check` finds.

    python benchmarks/inventory_faults.py [DATA_DIR] [--seeds 5] [--list]

DATA_DIR is ../shared/data without one. Prints how many faults were found by kind, and what is said of the real
samples as they are; with --list each fault that was not found. The figures are in docs/inventory-check.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rasterio.features
import shapely
import shapely.ops
from affine import Affine
from shapely import affinity

from firnline.features import FeatureSource
from firnline.inventory.check.check import Checked, check_inventory
from firnline.inventory.check.subject import read_subject, subject_of
from firnline.inventory.columns import OWN, RGI7
from firnline.scene import open_scene

ROOT = Path(__file__).parents[1]
SAMPLES = {
    "RGI 7, Hintereisferner": "vectors-dems/rgi7g_hef.shp",
    "RGI 7, its complex": "vectors-dems/rgi7g_hef_complex.shp",
    "RGI 6, Everest": "landsat7-everest/rgi60_outlines.gpkg",
    "RGI 5, Alaska": "vectors-dems/alaska-debris/01Alaska_minGl2km2_deltas.shp",
    "GLIMS, Mount Baker": "vectors-dems/baker_glims.geojson",
}


@dataclass
class Case:
    """An inventory in metres that is made worse, and what it is checked with."""

    frame: gpd.GeoDataFrame
    random: np.random.Generator
    layers: dict[str, pd.DataFrame] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    def pick(self, least_km2: float = 0.0) -> int:
        """A valid glacier that nothing is wrong with, of a certain size."""
        shapes = self.frame.geometry
        fit = np.flatnonzero((shapes.area / 1e6 >= least_km2) & shapes.is_valid & (shapes.geom_type == "Polygon"))
        return int(self.random.choice(fit))

    def shape(self, index: int) -> Any:
        return self.frame.geometry.iloc[index]

    def put(self, index: int, shape: Any) -> int:
        shapes = self.frame.geometry.to_numpy().copy()
        shapes[index] = shape
        self.frame = self.frame.set_geometry(gpd.GeoSeries(shapes, index=self.frame.index, crs=self.frame.crs))
        return index

    def write(self, index: int, **values: Any) -> int:
        for name, value in values.items():
            column = next(c for c in self.frame.columns if c.lower() == name.lower())
            kind = self.frame[column].astype(object)
            kind.iloc[index] = value
            self.frame[column] = kind
        return index

    def add(self, shape: Any, like: int, name: str = "planted") -> int:
        row = self.frame.iloc[[like]].copy()
        row[id_of(self.frame)] = name
        row = row.set_geometry([shape], crs=self.frame.crs)
        self.frame = pd.concat([self.frame, row], ignore_index=True)
        return len(self.frame) - 1


def id_of(frame: gpd.GeoDataFrame) -> str:
    return next(name for name in ("glacier_id", "rgi_id", "RGIId") if name in frame.columns)


def edge_point(case: Case, index: int) -> tuple[np.ndarray, np.ndarray]:
    """A point on the outline and the way out of it."""
    ring = case.shape(index).exterior
    at = float(case.random.uniform(0, ring.length))
    a, b = (np.array(ring.interpolate(at + d).coords[0]) for d in (-1.0, 1.0))
    along = (b - a) / np.hypot(*(b - a))
    out = np.array([along[1], -along[0]])
    middle = np.array(ring.interpolate(at).coords[0])
    return middle, out if not case.shape(index).contains(shapely.Point(middle + 2 * out)) else -out


def null(case: Case) -> int:
    return case.put(case.pick(), None)


def empty(case: Case) -> int:
    return case.put(case.pick(), shapely.Polygon())


def bow_tie(case: Case) -> int:
    index = case.pick()
    points = list(case.shape(index).exterior.coords)
    at = int(case.random.integers(2, len(points) - 4))
    points[at], points[at + 2] = points[at + 2], points[at]
    shape = shapely.Polygon(points)
    if shape.is_valid:  # three points on a line: crossed further
        points[1], points[-3] = points[-3], points[1]
        shape = shapely.Polygon(points)
    return case.put(index, shape)


def self_touch(case: Case) -> int:
    index = case.pick()
    middle, out = edge_point(case, index)
    points = list(case.shape(index).exterior.coords)[:-1]
    at = int(np.argmin([np.hypot(*(np.array(p) - middle)) for p in points]))
    p = np.array(points[at])
    side = np.array([-out[1], out[0]])
    loop = [p, p + 60 * out + 20 * side, p + 60 * out - 20 * side, p]
    return case.put(index, shapely.Polygon([*points[:at], *map(tuple, loop), *points[at + 1 :]]))


def multipart(case: Case) -> int:
    index = case.pick()
    x, y = case.frame.total_bounds[2:]
    far = shapely.Point(x + 2000, y + 2000).buffer(float(case.random.uniform(50, 200)))
    return case.put(index, shapely.MultiPolygon([case.shape(index), far]))


def sliver(case: Case) -> int:
    x, y = case.frame.total_bounds[:2]
    long, wide = case.random.uniform(300, 2000), case.random.uniform(1, 12)
    strip = affinity.rotate(shapely.box(x - 4000, y, x - 4000 + long, y + wide), case.random.uniform(0, 180))
    return case.add(strip, case.pick())


def sliver_hole(case: Case) -> int:
    index = case.pick(0.05)
    circle = shapely.maximum_inscribed_circle(case.shape(index))
    reach = circle.length * 0.7
    x, y = circle.coords[0]
    strip = affinity.rotate(shapely.box(x - reach, y, x + reach, y + reach / 30), case.random.uniform(0, 180))
    return case.put(index, case.shape(index).difference(strip))


def spike(case: Case) -> int:
    index = case.pick()
    middle, out = edge_point(case, index)
    side = np.array([-out[1], out[0]])
    long = case.random.uniform(150, 800)
    tip = shapely.Polygon([middle - 3 * side - 2 * out, middle + long * out, middle + 3 * side - 2 * out])
    shape = case.shape(index).union(tip)
    return case.put(index, shape if shape.geom_type == "Polygon" else max(shape.geoms, key=lambda part: part.area))


def duplicate(case: Case) -> int:
    index = case.pick()
    return case.add(case.shape(index), index)


def near_duplicate(case: Case) -> int:
    index = case.pick(0.2)
    return case.add(affinity.translate(case.shape(index).simplify(5), 3, -2), index)


def overlap(case: Case) -> int:
    index = case.pick(0.05)
    middle, out = edge_point(case, index)
    box = shapely.Point(middle + 150 * out).buffer(150 + case.random.uniform(10, 60))
    return case.add(box, index)


def gap(case: Case) -> int:
    """A neighbour beside a glacier, along a strip of 3 to 8 m."""
    index = case.pick(0.1)
    shape, wide = case.shape(index), case.random.uniform(3, 8)
    middle, _ = edge_point(case, index)
    ring = shape.buffer(400).difference(shape.buffer(wide, quad_segs=4))
    near = ring.intersection(shapely.Point(middle).buffer(600))
    near = max(shapely.get_parts(near), key=lambda part: part.area)
    others = case.frame.geometry.drop(case.frame.index[index])
    return case.add(near.difference(others.union_all().buffer(60)).buffer(0), index)


def extreme(case: Case) -> int:
    x, y = case.frame.total_bounds[:2]
    wide = case.random.uniform(40, 90)
    return case.add(shapely.box(x - 9000, y, x - 9000 + 40 * wide, y + wide), case.pick())


def no_id(case: Case) -> int:
    index = case.write(case.pick(), **{id_of(case.frame): None})
    return index


def id_twice(case: Case) -> int:
    a = case.pick()
    b = (a + 1) % len(case.frame)
    return case.write(b, **{id_of(case.frame): case.frame[id_of(case.frame)].iloc[a]})


def wrong_area(case: Case) -> int:
    index = case.pick(0.2)
    name = "area_km2" if "area_km2" in case.frame else "Area"
    return case.write(index, **{name: float(case.frame[name].iloc[index]) * case.random.choice([0.97, 1.03, 2, 100])})


def centre(case: Case) -> int:
    index = case.pick()
    return case.write(index, cenlon=float(case.frame.filter(regex="(?i)^cenlon$").iloc[index, 0]) + 0.5)


def height_order(case: Case) -> int:
    index = case.pick()
    name = "zmin_m" if "zmin_m" in case.frame else "Zmin"
    return case.write(index, **{name: 8000.0})


def sector(case: Case) -> int:
    index = case.pick()
    return case.write(index, aspect_sec=int(case.frame["aspect_sec"].iloc[index]) % 8 + 1)


def debris(case: Case) -> int:
    return case.write(case.pick(), debris_frac=float(case.random.choice([-0.1, 1.2])))


def per_mille(case: Case) -> int:
    table = case.layers["hypsometry"].copy()
    at = int(case.random.integers(len(table)))
    table.loc[at, "per_mille"] += 5
    case.layers["hypsometry"] = table
    return int(np.flatnonzero(case.frame["glacier_id"] == table["glacier_id"][at])[0])


def date(case: Case) -> int:
    name = "src_date" if "src_date" in case.frame else "BgnDate"
    return case.write(
        case.pick(), **{name: str(case.random.choice(["2100-01-01", "2003-17-30", "yesterday", "17000101"]))}
    )


def no_date(case: Case) -> int:
    name = "src_date" if "src_date" in case.frame else "BgnDate"
    return case.write(case.pick(), **{name: None})


def no_column(case: Case) -> int:
    case.frame = case.frame.drop(
        columns=str(case.random.choice(["cenlon", "area_km2", "zmed_m", "src_date", "dem_source"]))
    )
    return -1


def no_crs(case: Case) -> int:
    case.frame = case.frame.set_crs(None, allow_override=True)
    return -1


def impossible(case: Case) -> int:
    """Metres in a file that says degrees."""
    index = case.pick()
    degrees = case.frame.to_crs(4326)
    shapes = degrees.geometry.to_numpy().copy()
    shapes[index] = case.shape(index)
    case.frame = degrees.set_geometry(gpd.GeoSeries(shapes, crs=4326))
    return index


def height(case: Case) -> int:
    index = case.pick()
    name = "zm{}_m" if "zmed_m" in case.frame else "Zm{}"
    way = float(case.random.choice([-3500, 3500]))
    old = {key: float(case.frame[name.format(key)].iloc[index]) for key in ("in", "ed", "ax")}
    mean = {"zmean_m": old["ed"] + way} if "zmean_m" in case.frame else {}
    return case.write(index, **{name.format(key): value + way for key, value in old.items()}, **mean)


def not_marked(case: Case) -> int:
    return case.write(case.pick(), unknown_frac=0.1, is_lower_bound=False)


def hole_filled(case: Case) -> int:
    holes = case.layers["holes"]
    row = int(case.random.integers(len(holes)))
    index = int(np.flatnonzero(case.frame["glacier_id"] == holes["glacier_id"].iloc[row])[0])
    return case.put(index, shapely.Polygon(case.shape(index).exterior))


def with_reference(case: Case) -> None:
    case.options["reference"] = subject_of(case.frame.copy(), path="reference")


def reference_hole(case: Case) -> int:
    with_reference(case)
    large = [any(shapely.Polygon(r).area > 2e4 for r in s.interiors) for s in case.frame.geometry]
    index = int(case.random.choice(np.flatnonzero(large)))
    return case.put(index, shapely.Polygon(case.shape(index).exterior))


def missing(case: Case) -> int:
    with_reference(case)
    index = case.pick(0.05)
    case.options["gone"] = str(case.frame[id_of(case.frame)].iloc[index])
    case.frame = case.frame.drop(index=case.frame.index[index]).reset_index(drop=True)
    return -2


def new(case: Case) -> int:
    with_reference(case)
    x, y = case.frame.total_bounds[2:]
    return case.add(shapely.Point(x + 3000, y).buffer(float(case.random.uniform(200, 600))), case.pick())


def size(case: Case) -> int:
    with_reference(case)
    index = case.pick(0.05)
    factor = float(case.random.choice([0.6, 1.6]))
    return case.put(index, affinity.scale(case.shape(index), factor, factor))


def shifted_all(case: Case) -> int:
    with_reference(case)
    angle, far = case.random.uniform(0, 2 * np.pi), case.random.uniform(45, 120)
    moved = case.frame.geometry.translate(far * np.cos(angle), far * np.sin(angle))
    case.frame = case.frame.set_geometry(moved)
    return -1


def shifted(case: Case) -> int:
    with_reference(case)
    index = case.pick(0.1)
    angle, far = case.random.uniform(0, 2 * np.pi), case.random.uniform(60, 120)
    return case.put(index, affinity.translate(case.shape(index), far * np.cos(angle), far * np.sin(angle)))


def _raster(path: Path, frame: gpd.GeoDataFrame, bands: dict[str, np.ndarray | float], under: Any) -> Path:
    """Bands of (elsewhere, under a glacier), 30 m pixels; a height is a plane of 20 degrees elsewhere."""
    left, bottom, right, top = frame.total_bounds
    shape = (int((top - bottom) // 30) + 40, int((right - left) // 30) + 40)
    transform = Affine(30, 0, left - 600, 0, -30, top + 600)
    inside = rasterio.features.geometry_mask([under.buffer(60)], shape, transform, invert=True)
    rows, columns = np.indices(shape)
    layers = []
    for elsewhere, here in bands.values():
        base = 3000 + rows * 30 * np.tan(np.radians(20)) if elsewhere == "plane" else np.full(shape, elsewhere)
        other = columns * 30 * np.tan(np.radians(72)) if here == "cliff" else np.full(shape, here)
        layers.append(np.where(inside, other, base).astype(np.float32))
    profile = {"driver": "GTiff", "dtype": "float32", "count": len(layers), "crs": frame.crs.to_wkt()}
    with rasterio.open(path, "w", **profile, height=shape[0], width=shape[1], transform=transform) as file:
        file.descriptions = list(bands)
        file.update_tags(LEVEL="surface reflectance")
        file.write(np.stack(layers))
    return path


def _terrain(case: Case, what: Any) -> int:
    index = case.pick(0.6)
    path = case.folder / "dem.tif"
    case.options["dem"] = _raster(path, case.frame, {"elevation": ("plane", what)}, case.shape(index))
    return index


def steep(case: Case) -> int:
    return _terrain(case, "cliff")


def flat(case: Case) -> int:
    return _terrain(case, 2000.0)


def _surface(case: Case, green: float, red: float, nir: float) -> int:
    index = case.pick(0.05)
    bands = {"green": (0.6, green), "red": (0.55, red), "nir08": (0.45, nir)}
    path = _raster(case.folder / "scene.tif", case.frame, bands, case.shape(index))
    case.options["scene"] = FeatureSource(open_scene(path))
    return index


def water(case: Case) -> int:
    index = _surface(case, 0.08, 0.05, 0.015)
    for name in ("slope_deg", "Slope"):
        if name in case.frame:
            case.write(index, **{name: 1.0})
    return index


def plants(case: Case) -> int:
    return _surface(case, 0.07, 0.05, 0.3)


Plant = Callable[[Case], int]
OWN_ONLY = {debris, per_mille, not_marked, hole_filled}
RGI7_TOO = {sector, no_column}
FAULTS: dict[str, tuple[Plant, set[str]]] = {
    "null geometry": (null, {"null geometry"}),
    "empty geometry": (empty, {"empty geometry"}),
    "ring that crosses itself": (bow_tie, {"invalid geometry", "self-touching ring"}),
    "ring that touches itself": (self_touch, {"self-touching ring", "invalid geometry"}),
    "several parts": (multipart, {"multipart"}),
    "sliver": (sliver, {"sliver"}),
    "sliver for a hole": (sliver_hole, {"sliver hole"}),
    "spike": (spike, {"spike"}),
    "extreme shape": (extreme, {"extreme shape"}),
    "duplicate": (duplicate, {"duplicate"}),
    "nearly a duplicate": (near_duplicate, {"duplicate"}),
    "overlap": (overlap, {"overlap"}),
    "thin gap": (gap, {"gap"}),
    "id missing": (no_id, {"id missing"}),
    "id twice": (id_twice, {"id twice"}),
    "wrong area": (wrong_area, {"area"}),
    "centre outside": (centre, {"centre outside"}),
    "heights in disorder": (height_order, {"heights"}),
    "wrong aspect sector": (sector, {"aspect"}),
    "debris share": (debris, {"share"}),
    "hypsometry": (per_mille, {"hypsometry"}),
    "impossible date": (date, {"date"}),
    "date missing": (no_date, {"date", "attribute missing"}),
    "column missing": (no_column, {"attribute missing"}),
    "no CRS": (no_crs, {"no CRS"}),
    "impossible coordinates": (impossible, {"impossible coordinates"}),
    "implausible height": (height, {"implausible height"}),
    "too steep": (steep, {"implausible slope"}),
    "flat and low": (flat, {"implausible flatness"}),
    "water": (water, {"water"}),
    "vegetation": (plants, {"vegetation"}),
    "unknown not marked": (not_marked, {"lower bound"}),
    "hole filled": (hole_filled, {"hole lost"}),
    "hole of the reference filled": (reference_hole, {"hole lost"}),
    "missing glacier": (missing, {"missing glacier"}),
    "new glacier": (new, {"new glacier"}),
    "much larger or smaller": (size, {"much larger", "much smaller"}),
    "whole inventory shifted": (shifted_all, {"shifted"}),
    "one glacier shifted": (shifted, {"shifted"}),
}


def made_up(seed: int = 0) -> Case:
    """A good inventory of 36 made-up glaciers as firnline writes them, every second pair along one divide."""
    random = np.random.default_rng(seed)
    shapes: list[Any] = []
    for n in range(24):
        angles = np.linspace(0, 2 * np.pi, 73)[:-1]
        radius = 400 + 90 * np.sin(3 * angles + random.uniform(0, 6)) + 60 * np.cos(5 * angles + random.uniform(0, 6))
        radius = np.round(radius * random.uniform(0.8, 1.6))
        x, y = 480000 + 2500 * (n % 6), 3100000 + 2500 * (n // 6)
        whole = shapely.Polygon(np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles)]))
        if n % 2:
            whole = whole.difference(shapely.Point(x + 100, y).buffer(120))  # a nunatak
            shapes.append(whole)
        else:
            shapes += shapely.ops.split(whole, shapely.LineString([(x, y - 3000), (x + 5, y + 3000)])).geoms
    frame = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:32645")
    count = len(frame)
    inside = frame.representative_point().to_crs(4326)
    aspect = random.uniform(0, 360, count).round(2)
    z = random.uniform(4800, 5800, count).round(1)
    values: dict[str, Any] = {
        "glacier_id": [f"FL{n:03d}" for n in range(count)],
        "area_km2": subject_of(frame).areas_km2,
        "cenlon": inside.x, "cenlat": inside.y, "utm_zone": 45, "src_date": "2000-10-30",
        "zmin_m": z - 300, "zmax_m": z + 300, "zmed_m": z, "zmean_m": z + 4, "slope_deg": 20.0, "aspect_deg": aspect,
        "aspect_sec": (np.floor((aspect + 22.5) / 45) % 8 + 1).astype(int), "dem_source": "made up",
        "debris_frac": 0.2, "unknown_frac": 0.0, "dem_frac": 1.0, "mean_probability": 0.9,
        "touches_unknown": False, "touches_edge": False, "is_lower_bound": False,
        "src_date_from": "2000-10-30", "src_date_to": "2000-10-30",
    }  # fmt: skip
    values |= {"clean_km2": values["area_km2"] * 0.8, "debris_km2": values["area_km2"] * 0.2}
    for name, kind in {**OWN, **RGI7}.items():
        none = {"float64": np.nan, "bool": False}.get(kind, pd.NA)
        frame[name] = pd.Series(values.get(name, none), index=frame.index).astype(kind)
    ringed = [n for n in range(count) if shapes[n].interiors]
    kinds = {"glacier_id": frame["glacier_id"].iloc[ringed], "kind": "rock"}
    rock = [shapely.Polygon(shapes[n].interiors[0]) for n in ringed]
    holes = gpd.GeoDataFrame(kinds, geometry=rock, crs=frame.crs).reset_index(drop=True)
    bands = [(name, low, 500) for name in frame["glacier_id"] for low in (5000, 5050)]
    table = pd.DataFrame(bands, columns=["glacier_id", "from_m", "per_mille"])
    return Case(frame, random, {"holes": holes, "hypsometry": table})


def real(path: Path, seed: int = 0) -> Case:
    """A real inventory, brought into metres to plant in."""
    frame = read_subject(path).frame
    return Case(frame.to_crs(frame.estimate_utm_crs()), np.random.default_rng(seed))


def fits(fault: str, case: Case) -> bool:
    """Whether a fault can be planted in an inventory: it needs the columns."""
    plant = FAULTS[fault][0]
    is_own = "glacier_id" in case.frame
    if plant in OWN_ONLY:
        return is_own
    return plant not in RGI7_TOO or "aspect_sec" in case.frame


def found_in(case: Case, fault: str) -> tuple[bool, Checked]:
    """Plant a fault, check, and tell whether it was found at the glacier where it was planted."""
    plant, kinds = FAULTS[fault]
    index = plant(case)
    gone = case.options.pop("gone", None)
    subject = subject_of(case.frame, layers=case.layers)
    checked = check_inventory(subject, **case.options)
    wanted = {None} if index == -1 else {gone} if index == -2 else {str(subject.ids[index])}
    hits = (f for f in checked.findings if f.kind in kinds)
    return any((not f.glaciers and None in wanted) or bool(wanted & set(f.glaciers)) for f in hits), checked


def main() -> None:
    """Print both tables."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--list", action="store_true")
    given = arguments.parse_args()
    bases: dict[str, Callable[[int], Case]] = {"made up": made_up}
    for name in ("RGI 7, its complex", "RGI 6, Everest"):
        bases[name] = lambda seed, path=given.data / SAMPLES[name]: real(path, seed)
    total = Counter[str]()
    print("| planted | found |" + "".join(f" {name} |" for name in bases))
    print("| --- | --- |" + " --- |" * len(bases))
    for fault in FAULTS:
        planted, found, cells = 0, 0, ""
        for name, base in bases.items():
            here = 0
            runs = given.seeds if fits(fault, base(0)) else 0
            for seed in range(runs):
                with tempfile.TemporaryDirectory() as folder:
                    case = base(seed)
                    case.folder = Path(folder)
                    hit, _ = found_in(case, fault)
                here += hit
                if not hit and given.list:
                    print(f"  not found: {fault}, {name}, seed {seed}")
            planted, found = planted + runs, found + here
            cells += f" {here} / {runs} |" if runs else " |"
        total.update(planted=planted, found=found)
        print(f"| {fault} | {found} / {planted} |{cells}", flush=True)
    print(f"| all | {total['found']} / {total['planted']} ({total['found'] / total['planted']:.1%}) |")
    print("\n| sample | glaciers | with an error or a warning | kinds |\n| --- | --- | --- | --- |")
    for name, file in SAMPLES.items():
        checked = check_inventory(given.data / file)
        told = [f for f in checked.findings if f.severity != "note"]
        about = {glacier for f in told for glacier in f.glaciers}
        kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(f.kind for f in told).most_common())
        print(f"| {name} | {checked.glaciers} | {len(about)} | {kinds or 'none'} |", flush=True)


if __name__ == "__main__":
    main()
