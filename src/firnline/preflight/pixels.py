"""Saturation, filler, unknown, cloud: what is wrong with single pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.bands import Sensor
from firnline.flags import Flag
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.sample import Block, Floats, Sample, optical
from firnline.scene import Scene

_FILLERS: Final = (0.0, -9999.0, -32768.0, -999.0, -99999.0)
_A_LOT_SATURATED = 0.2
_FILLED = 0.002
_MUCH_UNKNOWN = 0.5
_PLATEAU = 0.002


def check_saturation(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """The share of each optical band that lies at its highest value; saturated snow stays valid."""
    shares = {}
    for name in optical(scene):
        values = sample.bands[name]
        finite = values[np.isfinite(values)]
        if finite.size:
            share = float((finite == finite.max()).mean())
            if share > _PLATEAU:
                shares[name] = share
    if not shares:
        yield Finding("saturation", Severity.OK, "no band has a plateau at its top")
        return
    worst = max(shares.values())
    listed = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
    yield Finding(
        "saturation",
        Severity.CAUTION if worst > _A_LOT_SATURATED else Severity.NOTE,
        f"pixels at the top of their band: {listed}; they stay valid, as they are mostly snow",
        "indices and ratios are too low there; use a product of more bits where there is one",
        {f"{name}": round(share, 4) for name, share in shares.items()},
    )


def check_unknown(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """The share of pixels unknown in any optical band."""
    names = optical(scene) or scene.band_names
    unknown = float(np.mean(~np.all([np.isfinite(sample.bands[name]) for name in names], axis=0)))
    heavy = unknown > _MUCH_UNKNOWN
    yield Finding(
        "unknown",
        Severity.CAUTION if heavy else Severity.OK,
        f"{100 * unknown:.1f} % of the pixels are unknown in at least one of {' '.join(names)}",
        "nothing is mapped there; take another scene, or fill it from other dates" if heavy else "",
        {"share": round(unknown, 4)},
    )


class FillerCount:
    """Counts known pixels whose optical bands all hold one filler value, and how they lie: in stripes or not."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._names = scene, optical(scene)
        self._pixels = 0
        self._filled = dict.fromkeys(_FILLERS, 0)
        self._partly = dict.fromkeys(_FILLERS, 0)
        self._unknown_periods: list[float] = []
        self._filled_periods: list[float] = []

    def add(self, block: Block) -> None:
        """Count one block."""
        if not self._names:
            return
        values = [block.bands[name] for name in self._names]
        known = np.all([np.isfinite(band) for band in values], axis=0)
        self._pixels += known.size
        filled = np.zeros(known.shape, bool)
        for filler in _FILLERS:
            each = [known & (band == self._read_as(name, filler)) for name, band in self._each(values)]
            is_it = np.all(each, axis=0)
            self._filled[filler] += int(is_it.sum())
            self._partly[filler] += int(np.any(each, axis=0).sum()) - int(is_it.sum())
            filled |= is_it
        scale = 30.0 / _pixel_size(self._scene)
        self._unknown_periods.append(stripe_strength(~known, scale))
        self._filled_periods.append(stripe_strength(filled, scale))

    def _each(self, values: list[Floats]) -> Iterator[tuple[str, Floats]]:
        return zip(self._names, values, strict=True)

    def _read_as(self, name: str, stored: float) -> np.float32:
        band = self._scene.band(name)
        return np.float32(np.float32(stored * band.scale) + np.float32(band.offset))

    def findings(self) -> Iterator[Finding]:
        """Filler that is read as ground, and stripes."""
        filler = max(self._filled, key=lambda value: self._filled[value])
        share = self._filled[filler] / max(1, self._pixels)
        striped_fill, striped = (
            float(np.mean(np.array(each) > 0.3)) if each else 0.0
            for each in (self._filled_periods, self._unknown_periods)
        )
        if share > _FILLED:
            where = " in the stripes of Landsat 7" if striped_fill > 0.2 else ""
            yield Finding(
                "stripes" if where else "filler",
                Severity.CAUTION if self._may_be_dark(filler) and not where else Severity.REFUSE,
                f"{100 * share:.1f} % of the pixels hold {filler:g} in all optical bands{where} and are read "
                "as dark ground",
                f"declare {filler:g} as nodata (gdal_edit.py -a_nodata {filler:g}), or in a sidecar: "
                f"fill: {{band: {self._names[0]}, value: {filler:g}}}",
                {"share": round(share, 4), "value": filler},
            )
        elif striped > 0.2:
            yield Finding(
                "stripes",
                Severity.CAUTION,
                "unknown pixels lie in stripes, as in Landsat 7 since 2003-05-31 (scan-line corrector off)",
                "nothing is mapped in them; fill them from other dates, or take another sensor",
                {"blocks with stripes": round(striped, 3)},
            )
        else:
            yield Finding("stripes", Severity.OK, "no stripes, and no filler that is read as ground")

    def _may_be_dark(self, filler: float) -> bool:
        """Whether 0 may be shadow or water: of a few bands, or cut off at 0 in some bands here, others there."""
        return filler == 0 and (len(self._names) < 3 or self._partly[filler] > 0.5 * self._filled[filler])


def _pixel_size(scene: Scene) -> float:
    return float(scene.grid.transform.a) if scene.grid.crs.is_projected else 30.0


def stripe_strength(mask: NDArray[np.bool_], scale: float = 1.0) -> float:
    """How periodic a mask is from north to south, as the wedges of Landsat 7 are: 0 not at all, 1 fully.

    The wedges come every 33 to 34 lines of 30 m (two scans of 16 detectors; Storey, Scaramuzza and Schmidt 2005).
    The correlation of the mask with itself 28 to 40 lines further on is compared with that half as far.

    Examples
    --------
    >>> rows = np.arange(256)[:, None] + np.zeros((1, 50), int)
    >>> round(stripe_strength(rows % 33 < 10), 1) > 0.8, stripe_strength(rows > 100) < 0.1
    (True, True)
    """
    if mask.shape[0] < round(80 * scale) or not 0.01 < mask.mean() < 0.95:
        return 0.0
    lags = [round(lag * scale) for lag in range(28, 41)]
    half = [round(lag * scale) for lag in range(14, 21)]
    return max(0.0, max(_alike(mask, lag) for lag in lags) - max(0.0, min(_alike(mask, lag) for lag in half)))


def _alike(mask: NDArray[np.bool_], lag: int) -> float:
    a, b = mask[:-lag].astype(np.float32), mask[lag:].astype(np.float32)
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > 0 else 0.0


def check_cloud(scene: Scene, sample: Sample) -> Finding:
    """The share of cloud by the flags beside the scene, else by its quality band."""
    cloud = _cloud(scene, sample)
    if cloud is None:
        return Finding(
            "cloud",
            Severity.NOTE,
            "cannot be judged: the scene has no flags beside it, and no quality band that is understood",
            "look at a picture of it: bright cloud is mapped as ice",
        )
    share, source = cloud
    return Finding(
        "cloud",
        Severity.CAUTION if share > 0.1 else Severity.OK,
        f"{100 * share:.1f} % of the pixels are cloud by {source} (which takes bright ice for cloud at times)",
        "take a scene with less cloud, or make cloud unknown" if share > 0.1 else "",
        {"share": round(share, 4)},
    )


def _cloud(scene: Scene, sample: Sample) -> tuple[float, str] | None:
    if sample.flags is not None:
        return float(((sample.flags & Flag.CLOUD) > 0).mean()), "the flags beside the scene"
    if "qa" not in sample.bands:
        return None
    values = sample.bands["qa"][np.isfinite(sample.bands["qa"])]
    values = values[(values == np.rint(values)) & (values >= 0) & (values < 2**32)].astype(np.int64)
    # What is left out are resampled bits, which mean nothing, and fill.
    if values.size == 0:
        return None
    if scene.sensor == Sensor.SENTINEL2:
        if values.max() > 11:
            return None
        seen = values[values > 0]
        return float(np.isin(seen, (8, 9)).mean()) if seen.size else 0.0, "the scene classification"
    seen = values[values > 1]
    if seen.size == 0 or scene.sensor is None:
        return None
    is_second = bool(np.median(seen) > 16000)  # Collection 2 clear land is 21824; Collection 1 is 672 or 2720
    return float(((seen >> (3 if is_second else 4)) & 1).mean()), "the quality band"
