"""The check: one pass over a sample of blocks, then one question after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from firnline.features import FeatureSource
from firnline.flags import find_flags
from firnline.preflight.dem import TerrainCount
from firnline.preflight.finding import Finding, Preflight, Severity
from firnline.preflight.indices import check_indices
from firnline.preflight.level import check_level
from firnline.preflight.offset import check_offset
from firnline.preflight.order import check_order
from firnline.preflight.pixels import FillerCount, check_cloud, check_saturation, check_unknown
from firnline.preflight.provider import Provider, provider_of
from firnline.preflight.sample import Gatherer, Sample, read_blocks, sample_windows
from firnline.preflight.shading import ShadingCount
from firnline.preflight.snow import check_snow
from firnline.preflight.thermal import check_thermal
from firnline.preflight.training_range import Trained, check_range
from firnline.scene import Scene


def check_scene(source: FeatureSource, trained: Sequence[Trained] = ()) -> Preflight:
    """Find out what a scene really is, from its metadata and a systematic sample of its pixels.

    Of a scene of up to 1792 x 1792 pixels every block is read, of a larger one 7 x 7 blocks of 256 x 256 pixels that
    lie evenly over it; statistics take a fourth of their pixels, of many blocks a sixteenth. What is wrong outside
    of the sample is not seen. Memory is bounded by the sample.

    Parameters
    ----------
    source
        The scene, with a DEM or without.
    trained
        What a model saw in training, where one is to be used on the scene.

    Returns
    -------
    The findings, each with how much it weighs and what to do.

    Raises
    ------
    SceneError
        When the scene, its DEM or its flags are damaged.
    GridError
        When the flags beside it lie on another grid.

    Examples
    --------
    >>> import tempfile, rasterio, numpy as np
    >>> from pathlib import Path
    >>> from firnline.scene import open_scene
    >>> path = Path(tempfile.mkdtemp()) / "scene.tif"
    >>> profile = dict(driver="GTiff", count=1, dtype="float32", width=64, height=64, crs="EPSG:32645",
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(path, "w", **profile) as file:
    ...     file.descriptions = ["green"]
    ...     file.update_tags(LEVEL="surface reflectance")
    ...     file.write(np.random.default_rng(0).uniform(0, 9000, (1, 64, 64)))  # reflectance * 10000
    >>> check_scene(FeatureSource(open_scene(path))).refusals[0].what[:66]
    "band 'green' is said to be surface reflectance, and its values loo"
    """
    with np.errstate(all="ignore"):  # a filler like -3.4e38 that nothing declares goes beyond what float32 can hold
        return _check(source, trained)


def _check(source: FeatureSource, trained: Sequence[Trained]) -> Preflight:
    scene = source.scene
    windows = sample_windows(scene.grid.shape)
    gatherer, filler = Gatherer(len(windows)), FillerCount(scene)
    terrain, shading = TerrainCount(scene), ShadingCount(scene)
    has_flags = not scene.gdal_name and find_flags(scene.path) is not None
    for block in read_blocks(source, windows, flags=has_flags):
        for each in (gatherer, filler, terrain, shading):
            each.add(block)
    with scene.reader() as reader:
        provider = provider_of(scene, reader)
    sample = gatherer.sample()
    findings = (
        *_ask(scene, sample, provider, filler, terrain, shading),
        *check_range(sample, trained),
    )
    pixels = sum(window.height * window.width for window in windows)
    rows, columns = scene.grid.shape
    return Preflight(str(scene.path), findings, pixels / (rows * columns), len(windows))


def _ask(
    scene: Scene,
    sample: Sample,
    provider: Provider,
    filler: FillerCount,
    terrain: TerrainCount,
    shading: ShadingCount,
) -> Iterator[Finding]:
    level = list(check_level(scene, sample))
    yield from level
    yield from check_offset(scene, sample, provider)
    yield from check_order(scene, sample)
    yield from check_indices(scene, sample)
    yield from check_thermal(scene, sample)
    yield from check_saturation(scene, sample)
    yield from filler.findings()
    yield check_cloud(scene, sample)
    yield from check_snow(scene, sample)
    yield from check_unknown(scene, sample)
    heights = list(terrain.findings(sample))
    yield from heights
    if not any(finding.severity == Severity.REFUSE for finding in heights):
        yield from shading.findings(provider)
