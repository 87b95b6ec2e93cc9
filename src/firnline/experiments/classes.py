"""Table 2: one model of glacier or not, one of three classes, and two binary ones merged."""

from __future__ import annotations

from firnline.classes import LabelScheme
from firnline.experiments.arms import Arm
from firnline.experiments.figures import score_bars
from firnline.experiments.outcome import Outcome
from firnline.experiments.paper_numbers import TABLE_2
from firnline.experiments.scoring import boundary_table, debris_table, differences_table, found, iou_table
from firnline.experiments.study import Study

BINARY, MULTICLASS, TWO_BINARY = "binary", "multiclass", "two-binary"


def run(study: Study) -> Outcome:
    """Train and test the three ways of telling classes, all with the architecture of `model`.

    Raises
    ------
    ConfigError
        When the truth does not tell clean ice from debris.
    """
    study.require_classes()
    trials = study.trials(class_arms(study))
    tables = (
        iou_table(study, trials),
        differences_table(trials, against=MULTICLASS),
        TABLE_2,
        boundary_table(trials),
        debris_table(study, trials),
    )
    return Outcome(
        "Classes: binary, multiclass, two binary models",
        "Should glaciers be mapped as one class, as two, or by two models?",
        tuple(table for table in tables if table is not None),
        (score_bars(study, trials),),
        found(trials, against=MULTICLASS),
        {"model": study.config.model},
        trials,
    )


def class_arms(study: Study) -> list[Arm]:
    """The three arms: a model of glacier or not, one of both classes, and two models of one class each."""
    model = study.config.model
    multiclass = study.arm(model, name=MULTICLASS)
    member = multiclass.config.architecture.model_dump()
    return [
        study.arm(model, name=BINARY, scheme=LabelScheme.GLACIER),
        multiclass,
        study.arm(model, name=TWO_BINARY, architecture={"name": "two-binary", "member": member}),
    ]
