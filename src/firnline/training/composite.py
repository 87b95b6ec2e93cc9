"""Models that are made of several: ensembles over folds and seeds, and two binary models for one of three classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from firnline.errors import ModelError
from firnline.models import bundle as bundles
from firnline.models.architectures import EnsembleSettings, TwoBinarySettings
from firnline.models.bundle import Bundle, Description, load_bundle, require_replaceable, save_composite
from firnline.models.fit import fit_bands
from firnline.models.merging import member_schemes
from firnline.training.calibrate import drawn, judge
from firnline.training.config import TrainingConfig, TwoBinaryTraining
from firnline.training.loop import BUNDLE, EpochReport, Manner
from firnline.training.members import probabilities_of
from firnline.training.record import COUNTS, score_name
from firnline.training.run import Run, prepare
from firnline.training.table_data import Split, folds_of
from firnline.training.validation import as_record, count, named_iou, of_records

TrainMember = Callable[[TrainingConfig, Path, Path, Manner], Path]


@dataclass(frozen=True)
class Member:
    """One of the models that a model is made of: the name of its folder, and its settings."""

    name: str
    config: TrainingConfig


def members_of(config: TrainingConfig, folder: Path) -> tuple[Member, ...]:
    """The models that a configuration asks for, where it asks for several; their folders count from `folder`.

    Raises
    ------
    ConfigError
        When all folds of a table are asked for that has none.

    Examples
    --------
    >>> from firnline.chips.entries import SceneEntry
    >>> config = TrainingConfig(name="demo", scheme="class", bands=["red"], architecture={"name": "two-binary"},
    ...                         scenes=(SceneEntry(images="a.tif", truth="b.tif"),))
    >>> [(member.name, member.config.scheme.value) for member in members_of(config, Path())]
    [('clean', 'clean'), ('debris', 'debris')]
    """
    if is_ensemble(config):
        folds = (
            folds_of(folder / config.table) if config.fold == "all" and config.table is not None else [config.fold]
        )
        return tuple(_of_ensemble(config, fold, seed) for fold, seed in product(folds, config.seeds or [config.seed]))
    if isinstance(config.architecture, TwoBinaryTraining):
        # The whole alone is calibrated: by another truth its members would part the scenes in another way, and be
        # fitted to pixels that the whole is reported on.
        alike = {"architecture": config.architecture.member, "calibrate": False}
        return tuple(
            _member(config, str(scheme), scheme=scheme, truth_as=scheme, **alike)
            for scheme in member_schemes(TwoBinarySettings(), config.scheme, 2)
        )
    return ()


def is_ensemble(config: TrainingConfig) -> bool:
    """Whether a configuration asks for several models of one kind."""
    return config.fold == "all" or bool(config.seeds)


def _of_ensemble(config: TrainingConfig, fold: int | str | None, seed: int) -> Member:
    names = [*([f"fold-{fold}"] if config.fold == "all" else []), *([f"seed-{seed}"] if config.seeds else [])]
    return _member(config, "-".join(names), fold=fold, seed=seed, seeds=())


def _member(config: TrainingConfig, name: str, **changes: Any) -> Member:
    return Member(name, config.model_copy(update={"name": f"{config.name}-{name}", **changes}))


def train_composite(
    config: TrainingConfig,
    members: Sequence[Member],
    folder: Path,
    out_dir: Path,
    manner: Manner,
    train_member: TrainMember,
) -> Path:
    """Train each member in a folder of its own, and leave the bundle that is made of them in ``out_dir/model``.

    Members that are finished already are left as they are.
    """
    require_replaceable(out_dir / BUNDLE)
    said: set[str] = set()

    def warn(line: str) -> None:
        if line not in said:  # the members look at the same scenes
            said.add(line)
            manner.warn(line)

    folders = []
    for member in members:
        own = replace(manner, report=_of_member(manner.report, member.name), warn=warn)
        folders.append(train_member(member.config, folder, out_dir / member.name, own))
    if manner.processes.is_first and not _is_made_of(out_dir / BUNDLE, members, folders):
        _compose(config, members, folders, folder, out_dir, manner)
    manner.processes.wait()
    return out_dir / BUNDLE


def _of_member(report: Callable[[EpochReport], None], name: str) -> Callable[[EpochReport], None]:
    return lambda epoch: report(replace(epoch, member=f"{name}/{epoch.member}" if epoch.member else name))


def _is_made_of(bundle: Path, members: Sequence[Member], folders: Sequence[Path]) -> bool:
    """Whether a bundle is there, whole, that is made of just these members."""
    try:
        found = load_bundle(bundle).description.members
    except ModelError:
        return False
    if found != tuple(member.name for member in members):
        return False
    return all(
        (bundle / bundles.MEMBERS / member.name / bundles.DESCRIPTION).read_bytes()
        == (folder / bundles.DESCRIPTION).read_bytes()
        for member, folder in zip(members, folders, strict=True)
    )


def _compose(
    config: TrainingConfig,
    members: Sequence[Member],
    folders: Sequence[Path],
    folder: Path,
    out_dir: Path,
    manner: Manner,
) -> None:
    """Write the bundle of all members, with what it is worth."""
    whole = Bundle(out_dir / BUNDLE, _description(config, members, folders), None, tuple(map(load_bundle, folders)))
    if config.fold == "all":
        description = whole.description.model_copy(update={"metrics": _out_of_fold(whole)})
    else:
        run = prepare(config, folder, manner.processes, force=manner.force)
        description = _measured(whole, run, out_dir)
    save_composite(whole.folder, description, folders)


def _description(config: TrainingConfig, members: Sequence[Member], folders: Sequence[Path]) -> Description:
    """What the members say together."""
    said = [load_bundle(folder).description for folder in folders]
    return Description(
        name=config.name,
        architecture=EnsembleSettings() if is_ensemble(config) else TwoBinarySettings(),
        scheme=config.scheme,
        sensors=tuple(sorted({sensor for each in said for sensor in each.sensors})),
        resolutions_m=tuple(sorted({resolution for each in said for resolution in each.resolutions_m})),
        window=max(each.window for each in said),
        members=tuple(member.name for member in members),
        training=_provenance(config, [each.training for each in said]),
    )


def _provenance(config: TrainingConfig, said: Sequence[dict[str, Any]]) -> dict[str, Any]:
    scenes = {(scene["name"], scene["role"]): scene for each in said for scene in each["scenes"]}
    splits = [each["split"] for each in said if "split" in each]
    together = {
        "table": splits[0]["table"] if splits else "",
        "words": "; ".join(dict.fromkeys(split["words"] for split in splits)),
        "leaks": list(dict.fromkeys(leak for split in splits for leak in split["leaks"])),
    }
    return {
        "config": config.model_dump(mode="json"),
        "scenes": list(scenes.values()),
        **({"split": together} if splits else {}),
        "seconds": round(sum(each["seconds"] for each in said), 1),
        **{key: said[0][key] for key in ("versions", "threads", "processes", "device", "precision")},
    }


def _out_of_fold(whole: Bundle) -> dict[str, Any]:
    """The counts of all folds together, each by members that did not see it; the whole may be better than they."""
    counts = of_records(member.description.metrics[COUNTS] for member in whole.members)
    split = whole.description.training.get("split")
    name = score_name(None if split is None else Split(**split), "out of fold")
    return {name: named_iou(counts), COUNTS: as_record(counts)}


def _measured(whole: Bundle, run: Run, out_dir: Path) -> Description:
    """What it says of itself, with its score and calibration on the validation scenes, which all members share."""
    said = whole.description
    if not run.held_out:
        return said
    leaf = whole.leaves[0].description
    held_out = [
        (scene, fit_bands(leaf.bands, scene.source, leaf.impute, leaf.name).inputs) for scene, _ in run.held_out
    ]
    predict = probabilities_of(whole, run.device)
    counts = count(predict, held_out, said.scheme, said.window)
    judged = judge(predict, held_out, said.scheme, said.window) if run.config.calibrate else None
    found = {"metrics": {score_name(run.split): named_iou(counts), COUNTS: as_record(counts)}}
    return said.model_copy(update=found if judged is None else {**found, "calibration": drawn(judged, out_dir)})
