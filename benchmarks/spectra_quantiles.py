"""Works out the quantiles of real spectra that hold the synthetic range to reality.

Reads ../shared/data (see docs/synthetic.md for what it is) and writes src/firnline/synthetic/quantiles.json.
Only these numbers are committed, never the data:

    python benchmarks/spectra_quantiles.py [DATA_DIR]
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio

ROOT = Path(__file__).parents[1]
LEVELS = (1, 5, 25, 50, 75, 95, 99)
BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22", "lwir11")
CLASSES = {1: "snow", 2: "shadowed snow", 3: "ice", 4: "rock", 5: "water"}
LANDSAT = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "ST_B10")
SENTINEL = ("B2", "B3", "B4", "B8", "B11", "B12")
SLICE = 4000
"""Pixels taken of each surface and source, so that no source outweighs the others in the pooled quantiles."""

Pixels = dict[str, np.ndarray]


def spectra(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, Pixels]]:
    """Labelled points of one sensor. The Landsat ones lack the offset of Collection 2: 2.75e-5 DN, not minus 0.2."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for value, surface in CLASSES.items():
        chosen = [row for row in rows if int(float(row["class"])) == value]
        pixels: Pixels = {}
        for band, column in zip(BANDS, columns, strict=False):
            raw = np.array([float(row[column] or "nan") for row in chosen])
            if column == "ST_B10":
                raw = raw / 2.75e-5 * 0.00341802 + 149
            elif column.startswith("SR_"):
                raw = raw - 0.2
            pixels[band] = raw
        good = np.all([np.isfinite(band) for band in pixels.values()], axis=0)
        yield surface, {name: band[good] for name, band in pixels.items()}


def himalaya(folder: Path) -> Iterator[tuple[str, Pixels]]:
    """Surfaces of the Sentinel-2 tiles: debris by its mask, the rest by looks (rules used nowhere else)."""
    kinds: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.glob("*_image.tif")):
        mask = path.with_name(path.name.replace("image", "debris"))
        if not mask.exists():
            continue
        with rasterio.open(path) as image, rasterio.open(mask) as truth:
            bands, debris = image.read().astype(float), truth.read(1) == 1
        _, green, red, near, short = optical = bands[:5] / 1e4
        slope = bands[7]
        ndsi, ndvi = (green - short) / (green + short), (near - red) / (near + red)
        bare = ~debris & (ndsi < 0.1) & (ndvi < 0.15)
        lit = near > 0.07
        chosen = {
            "debris": debris & (ndsi < 0.3),
            "rock": bare & lit,
            "gentle rock": bare & lit & (slope < 20),
            "shadow": bare & ~lit,
            "snow or ice": ~debris & (ndsi > 0.5) & (near > 0.1),
            "vegetation": ~debris & (ndvi > 0.35),
        }
        for surface, where in chosen.items():
            kinds.setdefault(surface, []).append(optical[:, where])
    for surface, parts in kinds.items():
        every = np.concatenate(parts, axis=1)
        yield surface, dict(zip(BANDS, every, strict=False))


def everest(folder: Path) -> Iterator[tuple[str, Pixels]]:
    """Digital numbers (1 to 255) of Landsat 7 in the paper's own region; no short-wave infrared."""
    with rasterio.open(next(folder.glob("*_image.tif"))) as image, rasterio.open(folder / "debris.tif") as truth:
        bands, debris = image.read().astype(float), truth.read(1)
    yield "debris", dict(zip(BANDS, bands[:, debris == 1], strict=False))
    yield "not debris", dict(zip(BANDS, bands[:, debris == 0], strict=False))


def quantiles(pixels: Pixels, digits: int) -> dict[str, list[float]]:
    return {
        band: [round(float(q), 1 if band == "lwir11" else digits) for q in np.percentile(values, LEVELS)]
        for band, values in pixels.items()
        if values.size
    }


def thinned(values: np.ndarray) -> np.ndarray:
    return values[np.linspace(0, values.size - 1, min(values.size, SLICE)).astype(int)]


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    sources = {
        "landsat": list(spectra(data / "spectra" / "Landsat_training_data.csv", LANDSAT)),
        "sentinel2": list(spectra(data / "spectra" / "Sentinel-2_SR_training_data.csv", SENTINEL)),
        "himalaya": list(himalaya(data / "sentinel2-himalaya")),
    }
    pooled: dict[str, dict[str, list[np.ndarray]]] = {}
    for surfaces in sources.values():
        for surface, pixels in surfaces:
            for band, values in pixels.items():
                if values.size:
                    pooled.setdefault(surface, {}).setdefault(band, []).append(thinned(np.sort(values)))
    for surface in ("snow", "shadowed snow", "ice"):  # all that an outline of clean ice holds
        for band, parts in pooled[surface].items():
            pooled.setdefault("snow or ice", {}).setdefault(band, []).extend(parts)
    joined = {
        surface: quantiles({band: np.concatenate(parts) for band, parts in bands.items()}, 4)
        for surface, bands in pooled.items()
    }
    everest_numbers = {name: quantiles(pixels, 0) for name, pixels in everest(data / "landsat7-everest")}
    content = {
        "note": "Quantiles of real spectra; made by benchmarks/spectra_quantiles.py, explained in docs/synthetic.md",
        "levels": LEVELS,
        "surface_reflectance_and_kelvin": joined,
        "landsat7_digital_numbers": everest_numbers,
        "counts": {name: {s: len(next(iter(p.values()))) for s, p in found} for name, found in sources.items()},
    }
    target = ROOT / "src" / "firnline" / "synthetic" / "quantiles.json"
    text = json.dumps(content, indent=1)
    target.write_text(compact(text) + "\n", encoding="utf-8")
    print(f"{target}: {', '.join(joined)}")


def compact(text: str) -> str:
    """Put every list of numbers on one line."""
    out, depth = [], 0
    for line in text.splitlines():
        if depth:
            part = line.strip()
            out[-1] += ("" if out[-1][-1] == "[" or part[0] == "]" else " ") + part
        else:
            out.append(line)
        depth += line.count("[") - line.count("]")
    return "\n".join(out)


if __name__ == "__main__":
    main()
