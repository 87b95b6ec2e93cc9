"""A training run: what does not change from epoch to epoch, and the record of it that the bundle keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from rasterio.warp import transform_bounds
from torch import nn
from torch.optim import Optimizer

import firnline
from firnline.bands import BANDS, Sensor
from firnline.models.bundle import BandInput, Description
from firnline.models.fit import level_behind
from firnline.models.normaliser import Normaliser
from firnline.preflight.finding import Preflight
from firnline.training.checkpoint import Progress
from firnline.training.config import TrainingConfig
from firnline.training.sampling import Place
from firnline.training.table_data import AnyScene, Split, TableScene


@dataclass(frozen=True)
class Run:
    """What does not change from epoch to epoch."""

    config: TrainingConfig
    scenes: Sequence[AnyScene]
    places: Sequence[Place]
    normaliser: Normaliser
    network: nn.Module
    optimiser: Optimizer
    device: torch.device
    bf16: bool
    split: Split | None = None
    """How the table of chips was split; None where the scenes have roles."""
    found: Mapping[Path, Preflight] = field(default_factory=dict)
    """What the check of each scene found, by its path."""

    @property
    def held_out(self) -> list[AnyScene]:
        """The scenes that the best epoch is chosen on."""
        return [scene for scene in self.scenes if scene.role == "validation"]

    def autocast(self) -> AbstractContextManager[object]:
        """bfloat16 where it helps."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()


def describe(run: Run, progress: Progress) -> Description:
    """The bundle's description, with where the model comes from."""
    config, first = run.config, run.scenes[0].source
    bands = tuple(
        BandInput(name=name, level=level_behind(first, name), unit=_unit(run, name), mean=mean, deviation=deviation)
        for name, mean, deviation in zip(config.bands, run.normaliser.mean, run.normaliser.deviation, strict=True)
    )
    return Description(
        name=config.name,
        architecture=config.architecture,
        bands=bands,
        impute=config.impute,
        scheme=config.scheme,
        sensors=_sensors(run),
        resolution_m=first.scene.grid.resolution,
        window=2 * config.chips.size,
        training=_provenance(run, progress),
        metrics={_score_name(run): progress.history[-1]["iou"], "best epoch": progress.best_epoch},
    )


def _score_name(run: Run) -> str:
    """A score on chips that share pixels or glaciers with training says so wherever it is shown."""
    leaks = run.split is not None and run.split.leaks
    return "validation IoU (the split leaks)" if leaks else "validation IoU"


def _sensors(run: Run) -> tuple[Sensor, ...]:
    trained = [scene.source.scene.sensor for scene in run.scenes if scene.role == "train"]
    return tuple(sorted({sensor for sensor in trained if sensor is not None}))


def _unit(run: Run, name: str) -> str:
    scene = run.scenes[0].source.scene
    return scene.band(name).unit if name in scene.band_names else BANDS[name].unit


def _provenance(run: Run, progress: Progress) -> dict[str, Any]:
    return {
        "config": run.config.model_dump(mode="json"),
        "scenes": [
            {
                "name": scene.name,
                "role": scene.role,
                "scheme": str(scene.scheme),
                "sensor": scene.source.scene.sensor,
                "date": None if scene.source.scene.date is None else scene.source.scene.date.isoformat(),
                "crs": scene.source.scene.grid.crs.to_string(),
                "degrees": _degrees(scene),
                "is_synthetic": scene.source.scene.is_synthetic,
                "notes": [*scene.notes, *([scene.source.scene.note] if scene.source.scene.note else [])],
                **_found(run.found.get(scene.source.scene.path)),
            }
            for scene in run.scenes
        ],
        **({} if run.split is None else {"split": asdict(run.split)}),
        "epochs": progress.epoch,
        "seconds": round(progress.seconds, 1),
        "versions": _versions(),
        "threads": torch.get_num_threads(),
        "device": run.device.type,
        "precision": "bf16" if run.bf16 else "f32",
    }


def _found(found: Preflight | None) -> dict[str, list[str]]:
    """What the check of a scene leaves in the bundle: its marks, and refusals that were overruled."""
    if found is None:
        return {}
    refused = [finding.what for finding in found.refusals]
    return {"marks": list(found.marks), **({"refused, and used all the same": refused} if refused else {})}


def _versions() -> dict[str, str]:
    return {"firnline": firnline.__version__, "torch": torch.__version__}


def _degrees(scene: AnyScene) -> list[float]:
    """(west, south, east, north) of the used part, WGS 84."""
    grid = scene.source.scene.grid.of_window(scene.area)
    return [round(value, 4) for value in transform_bounds(grid.crs, "EPSG:4326", *grid.bounds)]


def fingerprint(run: Run) -> str:
    """A hash of what a run goes on with: settings (not the cache), scenes, truth, machine, versions."""
    digest = hashlib.sha256(run.config.model_dump_json(exclude={"cache_mb"}).encode())
    digest.update(repr((run.bf16, run.device.type, torch.get_num_threads(), _versions())).encode())
    for scene in run.scenes:
        digest.update(scene.name.encode())
        digest.update(scene.identity() if isinstance(scene, TableScene) else scene.truth.tobytes())
    digest.update(repr(run.normaliser).encode())
    return digest.hexdigest()
