"""Does the DEM lie where the image lies? Slopes that face the sun are bright."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from firnline.preflight.finding import Finding, Severity
from firnline.preflight.provider import Provider
from firnline.preflight.sample import Block, Floats
from firnline.scene import Scene
from firnline.terrain import gradient

CHECK: Final = "DEM against shading"
REACH: Final = 16
"""Shifts of up to so many pixels are tried."""
_KEPT = 24
_TILE = 128
_GROUPS = 4
_BROAD = 12.0
"""Brightness and slope are taken less their surroundings of so many pixels: what lies deeper is rock or snow."""
_STEADY, _CLEAR = 1.0, 0.015
"""The shift is told where it stays within a pixel whichever quarter of the tiles is left out (a jackknife)."""
_OFF = 2.0
_FAR, _FAR_METRES = 4.0, 60.0

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """How the shading fits best: shift of the heights against the image in pixels, and how well it is told.

    ``fit`` is the share of the brightness' variance that the slopes explain there, ``sun`` the azimuth (degrees) that
    the light comes from by the pixels, ``unsure`` how far (pixels) it moves when a quarter of the tiles is left
    out.
    """

    down: float
    right: float
    fit: float
    sun: float
    unsure: float = np.inf

    @property
    def is_clear(self) -> bool:
        """Whether the tiles agree on one place where it fits."""
        return self.fit > _CLEAR and self.unsure <= _STEADY


@dataclass(frozen=True)
class _Fit:
    """Sums over a block: brightness times both faces by shift, faces times each other, brightness squared."""

    cross: Doubles
    spread: Doubles
    power: float


class ShadingCount:
    """Keeps the tiles with most relief, quarters of blocks, and fits heights to brightness over shifts."""

    def __init__(self, scene: Scene) -> None:
        names = ("nir08", "red", "green", "blue", "pan", "swir16")
        self._band = next((name for name in names if name in scene.band_names), None)
        t = scene.grid.transform
        self._size = (t.a, -t.e) if scene.grid.crs.is_projected else None
        self._kept: list[tuple[float, int, Floats, Floats]] = []
        self._seen = 0

    def add(self, block: Block) -> None:
        """Keep the block's tiles whose relief is among the strongest."""
        if block.heights is None or self._band is None or self._size is None:
            return
        image = block.bands[self._band]
        for row in range(0, image.shape[0], _TILE):
            for column in range(0, image.shape[1], _TILE):
                at = (slice(row, row + _TILE), slice(column, column + _TILE))
                self._keep(block.heights[at], image[at])

    def _keep(self, heights: Floats, image: Floats) -> None:
        if min(heights.shape) < 3 * _TILE // 4:
            return
        if min(np.isfinite(heights).mean(), np.isfinite(image).mean()) < 0.5:
            return
        heapq.heappush(self._kept, (float(np.nanstd(heights)), self._seen, heights.copy(), image.copy()))
        self._seen += 1
        if len(self._kept) > _KEPT:
            heapq.heappop(self._kept)

    def shift(self) -> Shift | None:
        """The shift at which slopes explain the brightness best; None where nothing can be compared."""
        if self._size is None:
            return None
        fits = [fit for _, _, heights, image in self._kept if (fit := _fit(heights, image, self._size)) is not None]
        whole = _best(fits)
        if whole is None or len(fits) < _GROUPS:
            return whole
        without = [_best([f for j, f in enumerate(fits) if j % _GROUPS != i]) for i in range(_GROUPS)]
        apart = [np.inf if s is None else max(abs(s.down - whole.down), abs(s.right - whole.right)) for s in without]
        return replace(whole, unsure=float(max(apart)))

    def findings(self, provider: Provider) -> Iterator[Finding]:
        """Judge the shift."""
        shift = self.shift()
        if shift is None or self._size is None:
            return
        metres = float(np.hypot(shift.down * self._size[1], shift.right * self._size[0]))
        pixels = float(np.hypot(shift.down, shift.right))
        measured: dict[str, float | str | None] = {
            "metres south": round(shift.down * self._size[1], 1),
            "metres east": round(shift.right * self._size[0], 1),
            "fit": round(shift.fit, 3),
            "unsure by pixels": round(shift.unsure, 1) if np.isfinite(shift.unsure) else None,
            "sun azimuth by the pixels": round(shift.sun),
            "sun azimuth by the metadata": provider.sun_azimuth,
        }
        if not shift.is_clear:
            yield Finding(
                CHECK,
                Severity.NOTE,
                "undetermined: the light on the slopes is too weak against the colours of the ground",
                "lay the DEM's hillshade over the picture",
                measured,
            )
            return
        yield from self._clear(shift, provider, metres, pixels, measured)

    def _clear(
        self, shift: Shift, provider: Provider, metres: float, pixels: float, measured: dict[str, float | str | None]
    ) -> Iterator[Finding]:
        away = None if provider.sun_azimuth is None else abs((shift.sun - provider.sun_azimuth + 180) % 360 - 180)
        if away is not None and away > 90:
            yield Finding(
                CHECK,
                Severity.REFUSE,
                f"by the shading the sun stands at {shift.sun:.0f} degrees, by the metadata at "
                f"{provider.sun_azimuth:.0f}",
                "the DEM is mirrored, or of another place: get it again",
                measured,
            )
        elif pixels >= _FAR and metres >= _FAR_METRES:
            yield Finding(
                CHECK,
                Severity.REFUSE,
                f"the heights lie {metres:.0f} m ({pixels:.1f} pixels) off the image, by the light on the slopes",
                "shift the DEM, or take another one of the scene's area",
                measured,
            )
        elif pixels >= _OFF:
            yield Finding(
                CHECK,
                Severity.CAUTION,
                f"the heights lie about {metres:.0f} m ({pixels:.1f} pixels) off the image, by the light on the "
                "slopes",
                "slope at edges of glaciers will be off by as much",
                measured,
            )
        else:
            yield Finding(
                CHECK, Severity.OK, f"the heights lie within {metres:.0f} m of the image", measured=measured
            )


def _detail(values: Doubles) -> Doubles:
    """Values less their surroundings, limited to three deviations, 0 where unknown."""
    known = np.isfinite(values)
    weight = ndimage.gaussian_filter(known.astype(np.float64), _BROAD)
    filled = np.where(known, values, 0.0)
    mean = ndimage.gaussian_filter(filled, _BROAD) / np.maximum(weight, 1e-6)
    detail = np.where(known, values - mean, 0.0)
    limit = 3.0 * float(detail.std())
    return np.clip(detail, -limit, limit)


def _correlate(image: Doubles, face: Doubles) -> Doubles:
    """Sum of image * face with the face moved by (row, column) shifts of up to `REACH` pixels."""
    shape = [fft.next_fast_len(side + REACH) for side in image.shape]
    product = fft.rfft2(image, shape) * np.conj(fft.rfft2(face, shape))
    whole = fft.irfft2(product, shape)
    rows = np.arange(-REACH, REACH + 1)
    return np.asarray(whole[np.ix_(rows, rows)])


def _fit(heights: Floats, image: Floats, size: tuple[float, float]) -> _Fit | None:
    """The sums of one block; None where nothing in it varies."""
    east, north = gradient(heights, *size)
    upright = 1.0 / np.sqrt(1.0 + east * east + north * north)
    faces = [_detail(-east * upright), _detail(-north * upright)]
    light = _detail(image[1:-1, 1:-1].astype(np.float64))
    deviation = float(light.std())
    if deviation == 0:
        return None
    light /= deviation
    return _Fit(
        np.stack([_correlate(light, face) for face in faces]),
        np.array([[float((a * b).sum()) for b in faces] for a in faces]),
        float((light * light).sum()),
    )


def _best(fits: list[_Fit]) -> Shift | None:
    """The shift of the highest R2 of the regression of brightness on both components of the slope."""
    if not fits:
        return None
    cross, spread = np.sum([fit.cross for fit in fits], axis=0), np.sum([fit.spread for fit in fits], axis=0)
    if np.linalg.det(spread) <= 0:
        return None
    inverse = np.linalg.inv(spread)
    share = np.einsum("ars,ab,brs->rs", cross, inverse, cross) / sum(fit.power for fit in fits)
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(share)), share.shape))
    east, north = inverse @ cross[:, row, column]
    return Shift(
        # The slopes fit when moved by (row, column): they lie as far off in the other direction.
        down=REACH - row - _vertex(share[:, column], row),
        right=REACH - column - _vertex(share[row], column),
        fit=float(share[row, column]),
        sun=float(np.degrees(np.arctan2(east, north)) % 360),
    )


def _vertex(values: Doubles, at: int) -> float:
    """Where between pixels the top of the parabola through three values lies, from `at`."""
    if not 0 < at < len(values) - 1:
        return 0.0
    a, b, c = values[at - 1 : at + 2]
    curve = a - 2 * b + c
    return float(0.5 * (a - c) / curve) if curve < 0 else 0.0
