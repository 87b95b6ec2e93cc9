"""From what a user names as a model to something that maps windows, with its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firnline.features import FeatureSource
from firnline.inference.runtime import RuntimeName, open_runtime
from firnline.inference.window_model import NetworkModel, RuleModel, WindowModel
from firnline.models.bundle import Bundle, load_bundle
from firnline.models.fit import require_fit
from firnline.models.ratio import RatioModel, ratio_model

RULES = "ratio"
RULE_WINDOW = 512


@dataclass(frozen=True)
class OpenedModel:
    """A model that fits the scene and is ready."""

    mapper: WindowModel
    window: int
    """The side of its windows, pixels."""
    record: dict[str, Any]
    """What identifies it and where it comes from, as JSON holds it."""
    origin: Bundle | RatioModel

    @property
    def is_rules(self) -> bool:
        """Whether it decides by rules, and so has no probabilities."""
        return isinstance(self.origin, RatioModel)


def open_model(
    model: str | Path, source: FeatureSource, *, window: int | None = None, runtime: RuntimeName = "auto"
) -> OpenedModel:
    """Open ``ratio``, or a bundle's folder, for a scene.

    Parameters
    ----------
    model
        ``ratio`` or a folder.
    source
        The scene, which the model must fit.
    window
        The side of the windows; the bundle's own without it.
    runtime
        Where a network runs.

    Raises
    ------
    ModelError, BandError, GridError
        When it is no model, is damaged, or does not fit the scene.
    """
    if str(model) == RULES:
        rules = ratio_model(source)
        return OpenedModel(RuleModel(rules), window or RULE_WINDOW, rules.describe(), rules)
    bundle = load_bundle(model)
    require_fit(bundle, source)
    side = window or bundle.description.window
    ready = open_runtime(bundle, side, runtime)
    record = {"model": bundle.description.name, "runtime": ready.name, **bundle.description.model_dump(mode="json")}
    return OpenedModel(NetworkModel(bundle.normaliser, bundle.description.scheme, ready), side, record, bundle)
