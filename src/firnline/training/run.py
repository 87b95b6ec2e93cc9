"""A training run: what does not change from epoch to epoch, and how it is got ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from firnline.bands import BANDS, Kind, Level
from firnline.errors import ConfigError
from firnline.features import INDICES
from firnline.models.architectures import EncoderSettings, NetworkSettings
from firnline.models.band_inputs import BandInput, layout_of
from firnline.models.fit import fit_bands, level_behind
from firnline.models.inputs import Inputs, Layout
from firnline.preflight.finding import Preflight
from firnline.training.augment_bands import ChipBand
from firnline.training.config import TrainingConfig
from firnline.training.data import gather_scenes, load_scenes
from firnline.training.losses import require_learnable
from firnline.training.processes import Processes
from firnline.training.readings import available_bands
from firnline.training.sampling import Place, find_places
from firnline.training.soundness import require_sound_scenes
from firnline.training.table_data import AnyScene, Split, gather_table, load_table


@dataclass(frozen=True)
class Run:
    """What does not change from epoch to epoch."""

    config: TrainingConfig
    scenes: Sequence[AnyScene]
    places: Sequence[Place]
    bands: tuple[BandInput, ...]
    """The bands as the bundle describes them."""
    inputs: Sequence[Inputs]
    """How each scene's bands become channels, in the order of `scenes`."""
    processes: Processes
    bf16: bool
    split: Split | None = None
    """How the table of chips was split; None where the scenes have roles."""
    found: Mapping[Path, Preflight] = field(default_factory=dict)
    """What the check of each scene found, by its path."""

    @property
    def layout(self) -> Layout:
        """The bands in the network's order."""
        return layout_of(self.bands)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.processes.device

    @property
    def held_out(self) -> list[tuple[AnyScene, Inputs]]:
        """The scenes that the best epoch is chosen on."""
        return [pair for pair in zip(self.scenes, self.inputs, strict=True) if pair[0].role == "validation"]

    @cached_property
    def chip_bands(self) -> list[list[ChipBand]]:
        """The bands of each scene as the augmentation sees them, in the order of `scenes`."""
        return [_chip_bands(*each) for each in zip(self.scenes, self.inputs, strict=True)]

    def autocast(self) -> AbstractContextManager[object]:
        """bfloat16 where it helps."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()


def _chip_bands(scene: AnyScene, inputs: Inputs) -> list[ChipBand]:
    source, normaliser = scene.source, inputs.normaliser
    missing = source.missing(normaliser.bands)
    return [
        ChipBand(name, Level.UNKNOWN if name in missing else level_behind(source, name), deviation)
        for name, deviation in zip(normaliser.bands, normaliser.deviation, strict=True)
    ]


def prepare(
    config: TrainingConfig,
    folder: Path,
    processes: Processes,
    *,
    force: bool = False,
    warn: Callable[[str], None] = lambda _: None,
) -> Run:
    """Open and check the scenes, find the places of chips, and learn what the bands are like.

    Raises
    ------
    FirnlineError
        When scenes cannot be learnt from as the settings say; all that can be told before the first epoch is.
    """
    found: dict[Path, Preflight] = {}

    def check(scenes: Sequence[AnyScene]) -> None:
        found.update(require_sound_scenes((scene.source for scene in scenes), force=force, warn=warn))

    if config.threads is not None:
        torch.set_num_threads(config.threads)
    processes.require_even(config.batch, config.chips.per_epoch)
    if isinstance(config.architecture, EncoderSettings):  # an extra may be missing: told before scenes are read
        config.architecture.build(config.layout, config.scheme.class_count)
    config, scenes, places, bands, split = _data(config, folder, check)
    if config.patience is not None and not any(scene.role == "validation" for scene in scenes):
        raise ConfigError("there are no validation scenes to see a gain on", where="patience", do="leave it out")
    for leak in () if split is None else split.leaks:
        warn(f"the split leaks: {leak}")
    _require_known(config, bands)
    inputs = [fit_bands(bands, scene.source, config.impute, config.name).inputs for scene in scenes]
    bf16 = config.precision == "bf16" or (config.precision == "auto" and _has_fast_bf16(processes.device))
    run = Run(config, scenes, places, bands, inputs, processes, bf16, split, found)
    for line in _of_optional_bands(run):
        warn(line)
    return run


def _require_known(config: TrainingConfig, bands: Sequence[BandInput]) -> None:
    unknown = sorted(set(config.bands) - {band.name for band in bands})
    if unknown:
        raise ConfigError(
            f"no pixel of {' and '.join(unknown)} is known in the training scenes",
            where=config.name,
            do="leave it out",
        )


def _of_optional_bands(run: Run) -> Iterator[str]:
    """What the model does not learn of its optional bands: what they are like, or how to do without them."""
    for name in sorted(set(run.config.layout.bands) - set(run.layout.bands)):
        yield f"no training scene has the optional band '{name}': the model does without it"
    trained = [inputs for scene, inputs in zip(run.scenes, run.inputs, strict=True) if scene.role == "train"]
    for name in run.layout.optional:
        if name in INDICES and set(INDICES[name]) <= set(run.layout.required):
            continue  # whoever has the others has it
        is_dropped = run.config.augmentation.drop_input > 0
        if not is_dropped and not any(name in inputs.absent for inputs in trained):
            yield (
                f"every training scene has the optional band '{name}', and augmentation.drop_input does not take it "
                "away: of scenes without it the model has learnt nothing"
            )


def _data(
    config: TrainingConfig, folder: Path, check: Callable[[Sequence[AnyScene]], None]
) -> tuple[TrainingConfig, Sequence[AnyScene], list[Place], tuple[BandInput, ...], Split | None]:
    """What is learnt from: of the scenes named, or of a table of chips, whose size the settings then have."""
    if config.table is None:
        scenes = load_scenes(config, folder)
        _require_alike(scenes, config)
        check(scenes)
        places = find_places(scenes, config) if isinstance(config.architecture, NetworkSettings) else []
        return config, scenes, places, gather_scenes(scenes, config.layout), None
    config, data = load_table(config, folder / config.table)
    _require_alike(data.scenes, config)
    check(data.scenes)
    return config, data.scenes, data.places, gather_table(data, config.layout), data.split


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def _require_alike(scenes: Sequence[AnyScene], config: TrainingConfig) -> None:
    """Refuse a mixture of levels and resolutions that nobody declared (`mixed`)."""
    seen: dict[str, tuple[Level, Path]] = {}
    for scene in scenes:
        where = scene.source.scene.path
        require_learnable(config.scheme, scene.scheme, where)
        for name in available_bands(scene.source, config.layout):
            level = level_behind(scene.source, name)
            first, at = seen.setdefault(name, (level, where))
            if level != first and not config.mixed:
                raise ConfigError(
                    f"band '{name}' is {level}, and {first} in {at}",
                    where=where,
                    do="set mixed: true to learn from both, each normalised by itself",
                )
            is_optical = name in BANDS and BANDS[name].kind == Kind.OPTICAL
            if config.level is not None and is_optical and level != config.level:
                raise ConfigError(f"band '{name}' is {level}, not {config.level}", where=where)
    if len(resolutions(scenes)) > 1 and not config.mixed:
        sizes = " and ".join(f"{size:g} m" for size in resolutions(scenes))
        raise ConfigError(
            f"the scenes have pixels of {sizes}", where="scenes", do="set mixed: true to learn from both"
        )


def resolutions(scenes: Sequence[AnyScene]) -> tuple[float, ...]:
    """The pixels of scenes, metres; those within a per cent of each other are one."""
    found: list[float] = []
    for resolution in sorted(scene.source.scene.grid.resolution for scene in scenes):
        if not found or resolution - found[-1] > 0.01 * found[-1]:
            found.append(resolution)
    return tuple(found)
