"""The record of a run: what the bundle says of where it comes from, and what a run goes on with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch
from rasterio.warp import transform_bounds

import firnline
from firnline.bands import Sensor
from firnline.models.architectures import EncoderSettings
from firnline.models.bundle import Description
from firnline.preflight.finding import Preflight
from firnline.training.checkpoint import Progress
from firnline.training.config import TrainingConfig, TwoBinaryTraining
from firnline.training.run import Run, resolutions
from firnline.training.table_data import AnyScene, Split, TableScene
from firnline.training.validation import Counts, as_record, named_iou

IOU = "validation IoU"
COUNTS = "validation counts"


def describe(run: Run, progress: Progress, counts: Counts) -> Description:
    """The description of a network's bundle, with its counts on the validation scenes."""
    facts = {"epochs": progress.epoch, "seconds": round(progress.seconds, 1)}
    said = described(run, counts, facts)
    return said.model_copy(update={"metrics": {**said.metrics, "best epoch": progress.best_epoch}})


def described(run: Run, counts: Counts, facts: Mapping[str, Any]) -> Description:
    """The description of what a run has trained: where it comes from, with `facts` beside, and what it is worth."""
    config = run.config
    assert not isinstance(config.architecture, TwoBinaryTraining)  # its members are described, and then the whole
    return Description(
        name=config.name,
        architecture=config.architecture,
        bands=run.bands,
        impute=config.impute,
        scheme=config.scheme,
        sensors=_sensors(run.scenes),
        resolutions_m=resolutions([scene for scene in run.scenes if scene.role == "train"]),
        window=2 * config.chips.size,
        training={
            "config": config.model_dump(mode="json"),
            "scenes": _scene_records(run),
            **({} if run.split is None else {"split": asdict(run.split)}),
            **facts,
            **_made_with(run),
        },
        metrics={score_name(run.split): named_iou(counts), COUNTS: as_record(counts)},
    )


def score_name(split: Split | None, how: str = "") -> str:
    """A score on chips that share pixels or glaciers with training says so wherever it is shown."""
    remarks = [how] if how else []
    if split is not None and split.leaks:
        remarks.append("the split leaks")
    return f"{IOU} ({'; '.join(remarks)})" if remarks else IOU


def _sensors(scenes: Sequence[AnyScene]) -> tuple[Sensor, ...]:
    """Those of the training scenes."""
    trained = [scene.source.scene.sensor for scene in scenes if scene.role == "train"]
    return tuple(sorted({sensor for sensor in trained if sensor is not None}))


def _scene_records(run: Run) -> list[dict[str, Any]]:
    """What each scene was, where it lies, and what its check found."""
    return [
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
    ]


def _made_with(run: Run) -> dict[str, Any]:
    """Versions and machine."""
    return {
        "versions": _versions(run.config),
        "threads": torch.get_num_threads(),
        "processes": run.processes.count,
        "device": run.device.type,
        "precision": "bf16" if run.bf16 else "f32",
    }


def _found(found: Preflight | None) -> dict[str, list[str]]:
    """What the check of a scene leaves in the bundle: its marks, and refusals that were overruled."""
    if found is None:
        return {}
    refused = [finding.what for finding in found.refusals]
    return {"marks": list(found.marks), **({"refused, and used all the same": refused} if refused else {})}


def _versions(config: TrainingConfig) -> dict[str, str]:
    borrowed = ("segmentation-models-pytorch", "timm") if isinstance(config.architecture, EncoderSettings) else ()
    return {
        "firnline": firnline.__version__,
        "torch": torch.__version__,
        **{each: version(each) for each in borrowed},
    }


def _degrees(scene: AnyScene) -> list[float]:
    """(west, south, east, north) of the used part, WGS 84."""
    grid = scene.source.scene.grid.of_window(scene.area)
    return [round(value, 4) for value in transform_bounds(grid.crs, "EPSG:4326", *grid.bounds)]


def fingerprint(run: Run) -> str:
    """A hash of what a run goes on with: settings (not the cache), scenes, their bands, truth, machine, versions."""
    digest = hashlib.sha256(run.config.model_dump_json(exclude={"cache_mb"}).encode())
    digest.update(repr(_made_with(run)).encode())
    for scene in run.scenes:
        digest.update(scene.name.encode())
        digest.update(scene.identity() if isinstance(scene, TableScene) else scene.truth.tobytes())
    digest.update(repr((run.bands, run.inputs)).encode())
    return digest.hexdigest()
