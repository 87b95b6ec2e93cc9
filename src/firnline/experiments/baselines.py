"""Table 1: classifiers of pixels against networks, trained and tested on the same data."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from firnline.experiments.config import Settings, section
from firnline.experiments.figures import score_bars
from firnline.experiments.outcome import Outcome
from firnline.experiments.paper_numbers import TABLE_1
from firnline.experiments.scoring import (
    boundary_table,
    debris_table,
    differences_table,
    found,
    iou_table,
    sizes_table,
)
from firnline.experiments.study import Study

NAME: Final = "baselines"


class BaselinesSettings(Settings):
    """Which models are compared, and with which of them the others are."""

    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("forest", "boosting", "perceptron", "unet", "firn")
    against: str | None = None
    """Without it ``unet`` where it is among them, else the first."""

    @property
    def yardstick(self) -> str:
        """The model that the others are compared with."""
        return self.against or ("unet" if "unet" in self.models else self.models[0])


def run(study: Study) -> Outcome:
    """Train and test every model.

    Raises
    ------
    ConfigError
        When a model is not known, or the one that the others are compared with is not among them.
    """
    own = section(study.config, NAME, BaselinesSettings)
    if own.yardstick not in own.models:
        raise study.refusal(f"settings.baselines.against: '{own.against}' is not among {', '.join(own.models)}")
    for model in own.models:
        study.require_model(model, "settings.baselines.models")
    trials = study.trials([study.arm(model) for model in own.models])
    tables = (
        iou_table(study, trials),
        differences_table(trials, against=own.yardstick) if len(own.models) > 1 else None,
        TABLE_1,
        boundary_table(trials),
        sizes_table(trials),
        debris_table(study, trials),
    )
    return Outcome(
        "Baselines: classifiers of pixels and networks",
        "Which model maps best when all see the same data?",
        tuple(table for table in tables if table is not None),
        (score_bars(study, trials),),
        found(trials, against=own.yardstick),
        own.model_dump(),
        trials,
    )
