"""Models as pages tell of them: what a model needs, what it was trained on, and which scenes it cannot map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from firnline.classes import LabelScheme
from firnline.errors import FirnlineError
from firnline.features import FeatureSource
from firnline.server.project import SceneEntry

if TYPE_CHECKING:  # they bring much that a server which only shows scenes does without
    from firnline.models.bundle import Description
    from firnline.models.card import Card

RULES: Final = "ratio"


class ModelAnswer(BaseModel):
    """A model: what it maps, what it takes, where it comes from, and why it cannot map some scenes."""

    id: str
    name: str
    kind: str
    """``rules``, ``network``, ``pixels`` or ``composite``."""
    classes: list[str]
    resolution: list[float]
    """Pixels of the training scenes, metres; none of the rules, which take any."""
    required: list[str]
    optional: list[str]
    card: dict[str, Any]
    problems: dict[str, str]
    """Why it cannot map a scene, by the scene's id."""


def rules_answer(scenes: Mapping[str, SceneEntry]) -> ModelAnswer:
    """The rules."""
    from firnline.models.ratio import ratio_model

    said = "Published rules on bands and terrain; nothing is trained. Thresholds: docs/rules.md of firnline."
    return ModelAnswer(
        id=RULES, name="Band ratio rules", kind="rules", classes=list(LabelScheme.CLASS.class_names[1:]),
        resolution=[], required=["swir16", "red or nir08"], optional=["blue", "green", "slope", "lwir11"],
        card={"about": said}, problems=_problems(scenes, ratio_model),
    )  # fmt: skip


def model_answer(model_id: str, folder: Path, scenes: Mapping[str, SceneEntry]) -> ModelAnswer:
    """A bundle, read without its weights.

    Raises
    ------
    ModelError
        When it is damaged.
    """
    from firnline.models.bundle import Bundle
    from firnline.models.card import read_card
    from firnline.models.fit import fit_scene

    card = read_card(folder)
    bands = [band for each in _leaves(card) for band in each.description.bands]
    required = dict.fromkeys(band.name for band in bands if band.required)
    optional = dict.fromkeys(band.name for band in bands if band.name not in required)

    def fit(source: FeatureSource) -> None:
        for leaf in _leaves(card):
            fit_scene(Bundle(leaf.folder, leaf.description), source)

    return ModelAnswer(
        id=model_id, name=card.description.name, kind=_kind(card.description),
        classes=list(card.description.scheme.class_names[1:]), resolution=list(card.description.resolutions_m),
        required=list(required), optional=list(optional), card=_facts(card), problems=_problems(scenes, fit),
    )  # fmt: skip


def _problems(scenes: Mapping[str, SceneEntry], fit: Callable[[FeatureSource], object]) -> dict[str, str]:
    found = {name: _why_not(entry, fit) for name, entry in scenes.items()}
    return {name: why for name, why in found.items() if why}


def _why_not(entry: SceneEntry, fit: Callable[[FeatureSource], object]) -> str:
    """Why a scene is refused by `fit`, in a sentence; empty where it is not."""
    try:
        fit(entry.source)
    except FirnlineError as error:
        return error.placeless
    return ""


def _leaves(card: Card) -> Iterator[Card]:
    """The models in it that are not made of others."""
    if not card.members:
        yield card
    for member in card.members:
        yield from _leaves(member)


def _kind(said: Description) -> str:
    from firnline.models.architectures import NetworkSettings

    if said.members:
        return "composite"
    return "network" if isinstance(said.architecture, NetworkSettings) else "pixels"


def _facts(card: Card) -> dict[str, Any]:
    said = card.description
    return {
        "architecture": card.architecture,
        "label_scheme": card.scheme,
        "sensors": list(card.sensors),
        "window": said.window,
        "megabytes": round(card.megabytes, 2),
        "weights": said.weights_sha256[:16],
        "calibrated": said.calibration is not None,
        "training": said.training,
        "metrics": said.metrics,
        "accepted": list(card.accepted),
        "members": [{"name": member.description.name, **_facts(member)} for member in card.members],
    }
