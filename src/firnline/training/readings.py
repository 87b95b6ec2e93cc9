"""What training learns of the bands: mean and deviation at each level, from the training scenes and no others."""

from __future__ import annotations

from dataclasses import dataclass, field

from firnline.bands import BANDS, Level, Sensor
from firnline.chips.statistics import BandStatistics
from firnline.features import FeatureSource
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.fit import level_behind
from firnline.models.inputs import Layout
from firnline.models.normaliser import Normaliser
from firnline.scene import Scene


@dataclass
class _Gathered:
    """Of one band at one level."""

    statistics: BandStatistics
    unit: str
    sensors: set[Sensor] = field(default_factory=set)


class BandGatherer:
    """Gathers what the bands of a layout are like, scene by scene."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._of: dict[str, dict[Level, _Gathered]] = {name: {} for name in layout.bands}

    def add(self, source: FeatureSource, statistics: BandStatistics) -> None:
        """Take in the statistics of a scene's bands, as many of the layout's as it has.

        A band without a known pixel tells nothing of its level: to normalise by it would be to normalise by nothing.
        """
        for name in (each.name for each in statistics.summary() if each.count):
            level = level_behind(source, name)
            if level not in self._of[name]:
                self._of[name][level] = _Gathered(BandStatistics((name,)), _unit(source.scene, name))
            gathered = self._of[name][level]
            gathered.statistics.absorb(statistics)
            if source.scene.sensor is not None:
                gathered.sensors.add(source.scene.sensor)

    def bands(self) -> tuple[BandInput, ...]:
        """The bands as the bundle describes them; those of which no training pixel is known are left out."""
        return tuple(
            BandInput(
                name=name,
                required=name not in self._layout.optional,
                readings=tuple(_reading(level, each) for level, each in self._of[name].items()),
            )
            for name in self._layout.bands
            if self._of[name]
        )


def _reading(level: Level, gathered: _Gathered) -> Reading:
    normaliser = Normaliser.of(gathered.statistics)
    return Reading(
        level=level,
        unit=gathered.unit,
        mean=normaliser.mean[0],
        deviation=normaliser.deviation[0],
        sensors=tuple(sorted(gathered.sensors)),
    )


def _unit(scene: Scene, name: str) -> str:
    return scene.band(name).unit if name in scene.band_names else BANDS[name].unit


def available_bands(source: FeatureSource, layout: Layout) -> tuple[str, ...]:
    """The bands of a layout that a scene has, in its order."""
    missing = source.missing(layout.bands)
    return tuple(name for name in layout.bands if name not in missing)
