"""The band-ratio model: the practitioners' rules as a model that needs no training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firnline.classes import BACKGROUND, CLEAN_ICE, DEBRIS, UNKNOWN, Classes, LabelScheme
from firnline.errors import ModelError
from firnline.features import FeatureSource
from firnline.models.ratio_choice import Choice, Unused, choose
from firnline.models.ratio_rules import EXCLUDES, RatioSettings, Rule
from firnline.spectral import Feature, Mask

_ICE_RULES = ("ratio", "ndsi")


@dataclass(frozen=True)
class RatioModel:
    """Rules on bands and terrain that map clean ice, and debris-covered ice where slope is known.

    Clean ice: ``ratio`` and ``ndsi`` (all or any, by the settings), bright enough in blue, and neither vegetation
    nor water. Debris-covered ice: gentle slopes that are none of these, and touch clean ice. See
    `firnline.spectral.DEFAULTS` for thresholds and where they are from.

    What rules cannot do: snow outside glaciers, cloud of ice, and turbid or frozen lakes are ice to them. Debris is
    any bare gentle ground next to ice: moraines and valley floors too.

    Parameters
    ----------
    settings
        Thresholds and switches.
    choice
        The rules that the scene allows; see `ratio_model`, which makes this model.
    """

    settings: RatioSettings
    choice: Choice
    scheme: LabelScheme = LabelScheme.CLASS

    @property
    def used(self) -> tuple[Rule, ...]:
        """The rules that are used, with their thresholds."""
        return self.choice.used

    @property
    def unused(self) -> tuple[Unused, ...]:
        """The rules that are not used, each with the reason."""
        return self.choice.unused

    @property
    def bands(self) -> tuple[str, ...]:
        """The features that `classify` takes, in order."""
        return tuple(dict.fromkeys(name for rule in self.used for name in rule.needs))

    @property
    def maps_debris(self) -> bool:
        """Whether debris-covered ice can be mapped: where not, class 2 never occurs."""
        return any(rule.name == "debris slope" for rule in self.used)

    @property
    def debris_statement(self) -> str:
        """One line on debris for people: how it is mapped, or why not."""
        if self.maps_debris:
            rules = [rule.states for rule in self.used if rule.decides == "debris-covered ice"]
            return f"debris-covered ice is mapped: {'; '.join(rules)}"
        reason = next(reason for rule, reason in self.unused if rule.name == "debris slope")
        return f"debris-covered ice is not mapped: {reason}"

    def classify(self, features: NDArray[np.float32]) -> Classes:
        """Apply the rules to every pixel by itself.

        Parameters
        ----------
        features
            float32 (band, row, column) as `bands` names them, NaN where unknown.

        Returns
        -------
        uint8 (row, column) of the scheme ``class``. Unknown is what cannot be decided: a pixel that lacks a
        feature of the rules for ice; and one that is not ice and lacks a feature of those for debris. (Ice is
        told without slope, so that a DEM that covers half of a scene does not hide the ice of the other half.)

        Raises
        ------
        ModelError
            When there are not as many features as `bands`.
        """
        if features.ndim != 3 or len(features) != len(self.bands):
            raise ModelError(f"the rules need {len(self.bands)} bands ({' '.join(self.bands)}), got {features.shape}")
        by_name = dict(zip(self.bands, features, strict=True))
        excluded = self._holds_any(EXCLUDES, by_name)
        ice = self._passes(_ICE_RULES, by_name) & ~excluded
        ice &= self._passes(("shadow",), by_name) & self._passes(("lowest elevation",), by_name)
        ice &= self._passes(("steepest ice",), by_name)
        ice_unknown = self._lacks(("clean ice", "both"), by_name)
        classes = np.where(ice, np.uint8(CLEAN_ICE), np.uint8(BACKGROUND))
        classes[ice_unknown] = UNKNOWN
        if self.maps_debris:
            debris = self._passes(("debris slope",), by_name) & self._passes(("debris temperature",), by_name)
            debris &= self._passes(("lowest elevation",), by_name) & ~excluded & (classes == BACKGROUND)
            classes[debris] = DEBRIS
            classes[(classes == BACKGROUND) & self._lacks(("debris-covered ice",), by_name)] = UNKNOWN
        return classes

    def finish(self, classes: Classes) -> Classes:
        """The steps that need the whole scene: smooth the ice, and keep only debris that touches ice.

        Both are settings. The majority counts known pixels alone, ties change nothing, and unknown pixels stay
        unknown as known ones stay known. A pixel that loses its ice becomes debris where most of its other
        neighbours are debris, else background. Debris is kept where it reaches clean ice over debris, diagonal steps
        included (Paul, Huggel and Kääb 2004). Where a glacier's ice lies outside the scene its debris is lost: set
        `connected` to false for a clip of a tongue.

        Parameters
        ----------
        classes
            uint8 (row, column), the whole scene, from `classify`.

        Returns
        -------
        A new array. Two to four times the size of `classes` is held in between.
        """
        finished = classes.copy()
        if self.settings.median:
            _smooth_ice(finished)
        if self.settings.connected and self.maps_debris:
            _drop_lone_debris(finished)
        return finished

    def describe(self) -> dict[str, Any]:
        """What goes into the record, as JSON holds it: rules used and not used, thresholds, sources, settings."""
        return {
            "model": "ratio",
            "scheme": str(self.scheme),
            "level": str(self.choice.level),
            "level_note": self.choice.level_note,
            "bands": list(self.bands),
            "used": [_as_dict(rule) for rule in self.used],
            "unused": [{**_as_dict(rule), "reason": reason} for rule, reason in self.unused],
            "debris": self.debris_statement,
            "settings": {**asdict(self.settings), "without": list(self.settings.without)},
        }

    def _applied(self, names: tuple[str, ...], features: dict[str, Feature]) -> list[Mask]:
        rules = (rule for rule in self.used if rule.name in names)
        return [rule.holds(*(features[name] for name in rule.needs)) for rule in rules]

    def _passes(self, names: tuple[str, ...], features: dict[str, Feature]) -> Mask:
        """Where the used rules of these names hold: all of them, or any where the settings say so for ice."""
        masks = self._applied(names, features)
        shape = next(iter(features.values())).shape
        if not masks:
            return np.ones(shape, np.bool_)
        any_is_enough = names == _ICE_RULES and self.settings.ice == "any"
        return np.asarray((np.logical_or if any_is_enough else np.logical_and).reduce(masks))

    def _holds_any(self, names: tuple[str, ...], features: dict[str, Feature]) -> Mask:
        shape = next(iter(features.values())).shape
        return np.asarray(np.logical_or.reduce([np.zeros(shape, np.bool_), *self._applied(names, features)]))

    def _lacks(self, decides: tuple[str, ...], features: dict[str, Feature]) -> Mask:
        needed = dict.fromkeys(name for rule in self.used if rule.decides in decides for name in rule.needs)
        shape = next(iter(features.values())).shape
        return np.asarray(np.logical_or.reduce([np.zeros(shape, np.bool_), *(np.isnan(features[n]) for n in needed)]))


def _as_dict(rule: Rule) -> dict[str, Any]:
    return {**asdict(rule), "needs": list(dict.fromkeys(rule.needs)), "thresholds": list(rule.thresholds)}


def _sum_of_nine(mask: Mask) -> NDArray[np.uint8]:
    """How many of a pixel and its eight neighbours are set; beyond the edge none is."""
    ones = np.ones(3, np.uint8)
    rows = ndimage.correlate1d(mask.view(np.uint8), ones, axis=0, mode="constant")
    return np.asarray(ndimage.correlate1d(rows, ones, axis=1, mode="constant"))


def _smooth_ice(classes: Classes) -> None:
    known = classes != UNKNOWN
    ice = _sum_of_nine(classes == CLEAN_ICE)
    others = _sum_of_nine(known) - ice
    debris = _sum_of_nine(classes == DEBRIS)
    lost = (classes == CLEAN_ICE) & (ice < others)
    classes[known & (ice > others)] = CLEAN_ICE
    classes[lost] = np.where(2 * debris > others, np.uint8(DEBRIS), np.uint8(BACKGROUND))[lost]


def _drop_lone_debris(classes: Classes) -> None:
    debris = classes == DEBRIS
    square = np.ones((3, 3), np.bool_)
    seeds = ndimage.binary_dilation(classes == CLEAN_ICE, square) & debris
    kept = ndimage.binary_propagation(seeds, square, debris)
    classes[debris & ~kept] = BACKGROUND


def ratio_model(source: FeatureSource, settings: RatioSettings | None = None) -> RatioModel:
    """Pick the rules that a scene allows, by its bands and their radiometric level.

    Raises
    ------
    ModelError
        When not even one rule for ice can be used, naming what is lacking.

    Examples
    --------
    >>> import tempfile, rasterio
    >>> from pathlib import Path
    >>> from firnline.scene import open_scene
    >>> path = Path(tempfile.mkdtemp()) / "scene.tif"
    >>> profile = dict(driver="GTiff", count=3, dtype="float32", width=2, height=1, crs="EPSG:32645",
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(path, "w", **profile) as file:
    ...     file.descriptions = ["blue", "red", "swir16"]
    ...     file.update_tags(LEVEL="surface reflectance")
    ...     file.write(np.array([[[0.8, 0.1]], [[0.8, 0.15]], [[0.1, 0.2]]], np.float32))
    >>> source = FeatureSource(open_scene(path))
    >>> model = ratio_model(source)
    >>> [rule.states for rule in model.used]
    ['red / swir16 > 2', 'ice in shadow has blue > 0.05']
    >>> model.debris_statement
    'debris-covered ice is not mapped: needs slope, which needs elevation or a DEM'
    >>> with source.reader() as reader:
    ...     model.classify(reader.read(model.bands)).tolist()
    [[1, 0]]
    """
    settings = RatioSettings() if settings is None else settings
    choice = choose(source, settings)
    if not any(rule.name in _ICE_RULES for rule in choice.used):
        reasons = "; ".join(f"{rule.name}: {reason}" for rule, reason in choice.unused if rule.name in _ICE_RULES)
        raise ModelError(
            f"no rule for ice can be used ({reasons})",
            where=source.scene.path,
            do="the rules need swir16, and red, green or nir08; or take a trained model",
        )
    return RatioModel(settings, choice)
