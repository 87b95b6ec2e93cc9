"""Every arm trained and tested on every fold with every seed, each once: an interrupted experiment goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import firnline
from firnline.errors import ConfigError
from firnline.experiments.arms import Arm
from firnline.experiments.budget import plan_of
from firnline.experiments.folds import Fold
from firnline.experiments.measure import keep_map, map_scene, measure
from firnline.experiments.results import BUNDLE, RESULT, Trial, Trials, read_trial, write_trial
from firnline.files import only_one, replaced
from firnline.models.bundle import Bundle, load_bundle
from firnline.training.config import TrainingConfig
from firnline.training.loop import CHECKPOINT, EpochReport
from firnline.training.train import train

if TYPE_CHECKING:
    from firnline.experiments.study import Study

TRIALS: Final = "trials"
DEPENDS: Final = "depends.json"
CPU: Final = "cpu.json"


def run_trials(study: Study, arms: Sequence[Arm], folds: Sequence[Fold]) -> Trials:
    """Train and test every arm on every fold with every seed.

    Each trial has a folder, ``OUT/trials/ARM/FOLD/seed-N``, with its bundle, its maps and its result. One that is
    done is read; one that was interrupted goes on; one that was made with other settings is refused, or made anew
    where the study says `restart`.

    Raises
    ------
    ConfigError
        When a trial was made with other settings, or two arms or folds have the same name.
    OutputError
        When another run works in the same folder.
    """
    for what, names in (("arms", [arm.name for arm in arms]), ("folds", [fold.name for fold in folds])):
        if len(set(names)) < len(names):
            raise ConfigError(f"two {what} of the experiment have the same name: {', '.join(names)}")
    work = [(arm, fold, seed) for arm in arms for fold in folds for seed in study.config.seeds]
    done: list[Trial] = []
    with only_one(study.out / TRIALS):
        for number, (arm, fold, seed) in enumerate(work, start=1):
            label = f"trial {number} of {len(work)}: {arm.name}, fold {fold.name}, seed {seed}"
            done.append(_trial(study, arm, fold, seed, label))
            study.step(number, len(work))
    return Trials(tuple(done), tuple(folds))


def _trial(study: Study, arm: Arm, fold: Fold, seed: int, label: str) -> Trial:
    folder = study.out / TRIALS / arm.name / fold.name / f"seed-{seed}"
    plan = plan_of(study, arm, fold)
    config = keeping_the_last(fold.training(plan.apply(arm.config)).model_copy(update={"seed": seed}))
    depends = depends_on(study, fold, runtime=study.config.runtime, training=settings_of(config))
    require_same(folder, depends, study)
    if (folder / RESULT).is_file():
        study.tell(f"{label}: done before")
        return read_trial(folder)
    study.tell(label)
    cpu, warnings = _train(study, config, folder, label)
    bundle = load_bundle(folder / BUNDLE)
    scenes = []
    for scene in fold.tests():
        trial_map = map_scene(bundle.folder, scene, study.config.runtime)
        keep_map(folder / "maps" / scene.name, scene, trial_map)
        scenes.append(measure(scene, trial_map, study.config.block))
    trial = Trial(arm.name, fold.name, seed, folder, tuple(scenes), cpu / 60, _parameters(bundle), warnings)
    write_trial(trial)
    for checkpoint in folder.rglob(CHECKPOINT):  # those of members too: nothing goes on from them any more
        checkpoint.unlink()
    return trial


def keeping_the_last(config: TrainingConfig) -> TrainingConfig:
    """The same training, validated once, at its end, and not calibrated: the bundle is then of the last epoch, and
    nothing is chosen by the scenes that test it, nor fitted to them."""
    return config.model_copy(
        update={"validate_every": config.epochs, "patience": None, "calibrate": False, "seeds": ()}
    )


def _train(study: Study, config: TrainingConfig, folder: Path, label: str) -> tuple[float, tuple[str, ...]]:
    """Train; (CPU seconds, those of an interrupted run included; what makes the model worth less)."""
    folder.mkdir(parents=True, exist_ok=True)
    before, began = _cpu_before(folder), time.process_time()
    warnings: list[str] = []

    def spent() -> float:
        return before + time.process_time() - began

    def keep() -> None:
        with replaced(folder / CPU) as temporary:
            temporary.write_text(json.dumps(spent()), encoding="utf-8")

    def report(epoch: EpochReport) -> None:
        keep()
        if epoch.epochs and (epoch.is_last or epoch.epoch % max(1, epoch.epochs // 4) == 0):
            member = f"{epoch.member}, " if epoch.member else ""
            study.tell(f"{label}: {member}epoch {epoch.epoch} of {epoch.epochs}, {spent() / 60:.1f} CPU minutes")

    train(config, study.folder, folder, force=study.force, report=report, warn=warnings.append)
    keep()  # a run that is stopped while it maps has been trained for so long
    return spent(), tuple(dict.fromkeys(warnings))


def _cpu_before(folder: Path) -> float:
    with suppress(OSError, ValueError):
        return float(json.loads((folder / CPU).read_text(encoding="utf-8")))
    return 0.0


def _parameters(bundle: Bundle) -> int:
    """How many numbers its networks have learnt; 0 for what is no network."""
    own = 0 if bundle.network is None else sum(p.numel() for p in bundle.network.parameters())
    return own + sum(_parameters(member) for member in bundle.members)


def settings_of(config: TrainingConfig) -> dict[str, Any]:
    """The settings that a training depends on, but for its data."""
    return config.model_dump(mode="json", exclude={"cache_mb", "name", "scenes", "table", "fold"})


def depends_on(study: Study, fold: Fold, **more: Any) -> dict[str, Any]:
    """What a trial must be made anew for when it changes."""
    return {
        "fold": fold.as_record(),
        "files": [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in fold.files()],
        "block": study.config.block,
        "firnline": firnline.__version__,
        **more,
    }


def require_same(folder: Path, depends: Mapping[str, Any], study: Study) -> None:
    """Note what a trial depends on; refuse, or clear, a folder that was made on another basis.

    Raises
    ------
    ConfigError
        When it was, and the study does not say `restart`.
    """
    path, sums = folder / DEPENDS, dict(_sums(depends))
    if path.is_file():
        found = _noted(path)
        changed = sorted(key for key in {*sums, *found} if found.get(key) != sums.get(key))
        if not changed:
            return
        if not study.restart:
            raise ConfigError(
                f"was made with other settings ({', '.join(changed)})",
                where=folder,
                do="use --restart to make such trials anew, or another folder (-o)",
            )
        shutil.rmtree(folder)
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")


def _noted(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sums(depends: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """A short hash of each value, by its key, so that a message can name what has changed."""
    for key, value in depends.items():
        if isinstance(value, Mapping) and above == "":
            yield from _sums(value, f"{key}.")
        else:
            text = json.dumps(value, sort_keys=True)
            yield f"{above}{key}", hashlib.sha256(text.encode()).hexdigest()[:16]
