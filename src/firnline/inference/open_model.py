"""From what a user names as a model to something that maps windows, with its record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from firnline.errors import BandError, ConfigError
from firnline.features import FeatureSource
from firnline.inference.runtime import Precision, Runtime, RuntimeName, open_runtime
from firnline.inference.window_model import MergedModel, RuleModel, TrainedModel, WindowModel
from firnline.inference.wrapped_model import NO_PRIOR, PriorModel, PriorSettings, TurnedModel
from firnline.models.bundle import Bundle, load_bundle
from firnline.models.fit import Fit, fit_scene
from firnline.models.merging import merging_of
from firnline.models.ratio import RatioModel, ratio_model
from firnline.models.ratio_rules import RatioSettings
from firnline.sidecar import explain, read_yaml

RULES = "ratio"
RULE_WINDOW = 512

_RULE_SETTINGS = TypeAdapter(RatioSettings)


@dataclass(frozen=True)
class OpenedModel:
    """A model that fits the scene and is ready."""

    mapper: WindowModel
    window: int
    """The side of its windows, pixels."""
    record: dict[str, Any]
    """What identifies it and where it comes from, as JSON holds it."""
    origin: Bundle | RatioModel
    fits: tuple[Fit, ...] = ()
    """How a trained model, or each member of one, takes the scene."""

    @property
    def absent(self) -> dict[str, str]:
        """Optional bands that the model, or a member, does without here, each with the reason."""
        return {name: reason for fit in self.fits for name, reason in fit.absent.items()}

    @property
    def is_rules(self) -> bool:
        """Whether it decides by rules, and so has no probabilities."""
        return isinstance(self.origin, RatioModel)


def open_model(
    model: str | Path,
    source: FeatureSource,
    *,
    window: int | None = None,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    rules: RatioSettings | None = None,
    prior: PriorSettings = NO_PRIOR,
    tta: bool = False,
    uncertainty: bool = False,
    runtimes: Callable[..., Runtime] = open_runtime,
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
    precision
        In which a network computes; whatever is not f32 must have passed the gate.
    rules
        Settings of the rules, for ``ratio`` alone.
    prior
        Where no glacier is, by the user's word.
    tta
        Whether the mean over flips and turns is taken.
    uncertainty
        Whether an ensemble tells how far its members disagree.
    runtimes
        What makes a network ready: a process that maps many scenes keeps what it made.

    Raises
    ------
    ConfigError
        When rules are set for another model, or what only a trained model can do is asked of the rules.
    ModelError, BandError, GridError
        When it is no model, is damaged, or does not fit the scene.
    """
    if str(model) == RULES:
        _require_plain(precision, prior, tta, uncertainty)
        ratio = ratio_model(source, rules)
        return OpenedModel(RuleModel(ratio), window or RULE_WINDOW, ratio.describe(), ratio)
    if rules is not None:
        raise ConfigError(f"the model {model} has no rules to set", do=f"leave out --rules, or take --model {RULES}")
    bundle = load_bundle(model, lazily=True)
    side = window or bundle.description.window
    mapper, fits, names = _ready(bundle, source, side, runtime, precision, runtimes)
    if uncertainty and isinstance(mapper, MergedModel):
        schemes = {member.scheme for member in mapper.members}
        mapper = replace(mapper, tells_disagreement=schemes == {mapper.scheme})  # else they speak of different things
    if tta:
        mapper = TurnedModel(mapper)
    if prior:
        _require_features(prior, source)
        mapper = PriorModel(mapper, prior)
    said = bundle.description.model_dump(mode="json")
    record = {"model": bundle.description.name, "runtime": " and ".join(dict.fromkeys(names)), **said}
    if bundle.members:
        record["made of"] = [member.description.model_dump(mode="json") for member in bundle.members]
    record |= {"precision": precision, "tta": tta, "prior": prior.as_json() if prior else None}
    opened = OpenedModel(mapper, side, record, bundle, fits)
    return replace(opened, record={**record, "absent": opened.absent})


def _require_plain(precision: Precision, prior: PriorSettings, tta: bool, uncertainty: bool) -> None:
    asked = {
        f"--precision {precision}": precision != "f32",
        "--only-above": prior.only_above is not None,
        "--only-slope-below": prior.only_slope_below is not None,
        "--tta": tta,
        "--uncertainty": uncertainty,
    }
    for option, is_asked in asked.items():
        if is_asked:
            do = "leave it out; settings of the rules have their own limits (docs/rules.md)"
            raise ConfigError("is for trained models, and the rules decide without it", where=option, do=do)


def _require_features(prior: PriorSettings, source: FeatureSource) -> None:
    missing = source.missing(prior.bands)
    if missing:
        reasons = ", ".join(f"{name} ({source.why_missing(name)})" for name in missing)
        raise BandError(
            f"the prior looks at {reasons}", where=source.scene.path, do="give --dem, or leave the prior out"
        )


def _ready(
    bundle: Bundle,
    source: FeatureSource,
    side: int,
    runtime: RuntimeName,
    precision: Precision,
    runtimes: Callable[..., Runtime],
) -> tuple[WindowModel, tuple[Fit, ...], list[str]]:
    """A bundle, or all members of one, fitted to the scene; with the runtimes they are in."""
    said = bundle.description
    temperatures = None if said.calibration is None else said.calibration.temperatures
    if bundle.members:
        parts = [_ready(member, source, side, runtime, precision, runtimes) for member in bundle.members]
        merged = MergedModel(
            tuple(model for model, _, _ in parts), said.scheme, merging_of(said.architecture), temperatures
        )
        return (
            merged,
            tuple(fit for _, fits, _ in parts for fit in fits),
            [name for *_, names in parts for name in names],
        )
    fit = fit_scene(bundle, source)
    ready = runtimes(bundle, side, runtime, precision)
    return TrainedModel(fit.inputs, said.scheme, ready, temperatures), (fit,), [ready.name]


def read_rules(path: Path) -> RatioSettings:
    """Read settings of the rules from a YAML file, whose keys are the fields of `RatioSettings`.

    Raises
    ------
    ConfigError
        When it cannot be read, or a key or value is not known.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rules.yaml"
    >>> _ = path.write_text("ratio: 1.8\\nwithout: [water]")
    >>> rules = read_rules(path)
    >>> rules.ratio, rules.without, rules.steepest_debris
    (1.8, ('water',), 24.0)
    """
    content, do = read_yaml(path, "settings of the rules"), "see docs/rules.md for what can be set"
    try:
        return _RULE_SETTINGS.validate_json(json.dumps(content, default=str))  # as JSON a list may be a tuple
    except ValidationError as error:
        raise ConfigError(explain(error), where=path, do=do) from None
    except ConfigError as error:
        raise ConfigError(error.what, where=path, do=error.do) from None
