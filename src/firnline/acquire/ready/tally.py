"""What was counted while a scene was made, and the lines that tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firnline.acquire.ready.composite import Chosen
from firnline.acquire.ready.observe import BRIGHT, Rank
from firnline.acquire.ready.settings import ReadySettings
from firnline.acquire.source import SourceProduct
from firnline.flags import Flag
from firnline.spectral import NDSI_OF_SNOW


@dataclass
class Tally:
    """Counts of pixels over the whole scene."""

    product_count: int
    pixels: int = 0
    known: int = 0
    """In every optical band."""
    nothing: int = 0
    cloud: int = 0
    masked: int = 0
    ice: int = 0
    """Looks like bright snow or ice."""
    ice_cloud: int = 0
    """... and is flagged as cloud."""
    ice_masked: int = 0
    """... and became unknown by it."""
    no_height: int = 0
    flagged: dict[Flag, int] = field(default_factory=lambda: dict.fromkeys(Flag, 0))
    by_product: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        self.by_product = np.zeros(self.product_count, np.int64)

    def add(self, chosen: Chosen, flags: NDArray[np.uint8], elevation: NDArray[np.float32] | None) -> None:
        """Count a window; `flags` are those that are written."""
        masked, cloud = chosen.rank == Rank.MASKED, flags & Flag.CLOUD != 0
        usable = chosen.rank < Rank.MASKED
        self.pixels += masked.size
        self.known += int((chosen.rank < Rank.PARTIAL).sum())
        self.nothing += int((chosen.rank == Rank.NOTHING).sum())
        self.cloud += int(cloud.sum())
        self.masked += int(masked.sum())
        self.ice += int(chosen.is_ice.sum())
        self.ice_cloud += int((chosen.is_ice & cloud).sum())
        self.ice_masked += int((chosen.is_ice & masked).sum())
        for flag in Flag:
            self.flagged[flag] += int((flags & flag != 0).sum())
        self.by_product += np.bincount(chosen.source[usable], minlength=self.product_count)
        if elevation is not None:
            self.no_height += int(np.isnan(elevation).sum())

    def main_product(self) -> int:
        """The number of the product that most pixels are from."""
        return int(self.by_product.argmax())

    def lines(
        self, products: Sequence[SourceProduct], settings: ReadySettings, pixel_km2: float, *, has_dem: bool
    ) -> list[str]:
        """The report."""
        lines = [f"known: {_share(self.known, self.pixels)} of {self.pixels} pixels in every optical band"]
        if self.nothing:
            lines[0] += f"; {_share(self.nothing, self.pixels)} lies outside of the images"
        lines += self._cloud_lines(products, settings, pixel_km2)
        lines += self._flag_lines()
        lines += self._stripe_lines(pixel_km2)
        if len(products) > 1:
            lines += [
                f"from {product.id} ({product.date}): {_share(int(count), self.pixels)}"
                for product, count in zip(products, self.by_product, strict=True)
            ]
        if has_dem and self.no_height:
            lines.append(
                f"the DEM does not cover the scene: elevation and slope are unknown in"
                f" {_share(self.no_height, self.pixels)} of it"
            )
        return lines

    def _cloud_lines(self, products: Sequence[SourceProduct], settings: ReadySettings, pixel_km2: float) -> list[str]:
        without = [product.id for product in products if product.quality is None]
        lines = [f"no quality band, so cloud is not found: {' '.join(without)}"] if without else []
        if len(without) == len(products):
            return lines
        kept = "kept" if settings.cloud == "keep" else f"{self.masked * pixel_km2:.1f} km2 unknown"
        lines.append(f"cloud: {_share(self.cloud, self.pixels)}, {kept}")
        if self.ice == 0:
            return lines
        taken = self.ice_masked if settings.cloud == "unknown" else self.ice_cloud
        did = "took" if settings.cloud == "unknown" else "would take"
        lines.append(
            f"the cloud flag {did} {taken * pixel_km2:.1f} km2 of what looks like bright snow or ice"
            f" (NDSI > {NDSI_OF_SNOW}, green > {BRIGHT}): {_share(taken, self.ice)} of all of it"
        )
        if taken and settings.cloud == "unknown":
            lines.append(
                "  it is unreliable over ice: look at it, then --cloud keep or --keep-cloud-over-ice to drop it,"
                " --cloud-buffer N to widen it"
            )
        return lines

    def _flag_lines(self) -> list[str]:
        told = (Flag.CLOUD_SHADOW, Flag.SNOW, Flag.WATER, Flag.SATURATED, Flag.TERRAIN_SHADOW)
        shares = [
            f"{str(flag.name).lower().replace('_', ' ')} {_share(self.flagged[flag], self.pixels)}" for flag in told
        ]
        return [f"flagged: {', '.join(shares)}"]

    def _stripe_lines(self, pixel_km2: float) -> list[str]:
        stripe, filled = self.flagged[Flag.STRIPE], self.flagged[Flag.FILLED]
        if stripe == 0:
            return []
        line = f"stripes: {_share(stripe, self.pixels)} ({stripe * pixel_km2:.1f} km2)"
        if filled:
            line += f", {_share(filled, stripe)} of them filled from other days; they never count in a metric"
        return [line]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0.0:.1f} %"
