"""The model bundle: one folder with everything that a prediction needs, and nothing that can run code."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import safetensors.torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from safetensors import SafetensorError
from torch import nn

from firnline.bands import Level, Sensor
from firnline.classes import LabelScheme
from firnline.errors import ModelError, OutputError
from firnline.files import sha256_of
from firnline.models.architectures import Architecture
from firnline.models.normaliser import Normaliser
from firnline.sidecar import explain

DESCRIPTION: Final = "model.json"
WEIGHTS: Final = "weights.safetensors"
DERIVED: Final = "derived"
"""Runtime files made from the weights, in a folder named by their hash; deleted, they are made again."""

FORMAT: Final = 1


class BandInput(BaseModel):
    """A band that the network takes: in which unit and level, and how it is normalised."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    level: Level
    unit: str
    mean: FiniteFloat
    deviation: Annotated[FiniteFloat, Field(gt=0)]


class Description(BaseModel):
    """What ``model.json`` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = FORMAT
    name: str
    architecture: Architecture
    bands: Annotated[tuple[BandInput, ...], Field(min_length=1)]
    impute: Literal["after", "before"]
    scheme: LabelScheme
    sensors: tuple[Sensor, ...] = ()
    """The sensors of the training scenes."""
    resolution_m: Annotated[FiniteFloat, Field(gt=0)]
    window: Annotated[int, Field(gt=0)]
    """The side of the windows that the model was validated on, pixels."""
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    weights_sha256: str = ""


@dataclass(frozen=True)
class Bundle:
    """A trained model: its description and its network.

    Examples
    --------
    >>> import tempfile
    >>> from firnline.models.architectures import UNetSettings
    >>> settings = UNetSettings(width=2, depth=1)
    >>> red = BandInput(name="red", level="surface reflectance", unit="1", mean=0.2, deviation=0.1)
    >>> description = Description(name="tiny", architecture=settings, bands=(red,), impute="after",
    ...                           scheme="glacier", resolution_m=30.0, window=64)
    >>> folder = Path(tempfile.mkdtemp()) / "tiny"
    >>> save_bundle(folder, description, settings.build(1, 2))
    >>> bundle = load_bundle(folder)
    >>> bundle.band_names, bundle.description.scheme.value, len(bundle.description.weights_sha256)
    (('red',), 'glacier', 64)
    """

    folder: Path
    description: Description
    network: nn.Module = field(repr=False)

    @property
    def band_names(self) -> tuple[str, ...]:
        """The bands it takes, in the network's order."""
        return tuple(band.name for band in self.description.bands)

    @property
    def normaliser(self) -> Normaliser:
        """The normaliser it was trained with."""
        bands = self.description.bands
        return Normaliser(
            self.band_names,
            tuple(band.mean for band in bands),
            tuple(band.deviation for band in bands),
            self.description.impute,
        )

    @property
    def derived(self) -> Path:
        """Where runtime files made from these weights are kept."""
        return self.folder / DERIVED / self.description.weights_sha256[:16]


def require_replaceable(folder: Path) -> None:
    """Raise OutputError when something lies at `folder` that is not a bundle, and so must not be replaced."""
    if folder.exists() and not (folder / DESCRIPTION).is_file():
        raise OutputError("is in the way: it is not a model bundle", where=folder, do="choose another name")


def save_bundle(folder: Path, description: Description, network: nn.Module) -> None:
    """Write a bundle, replacing the one that is there; a reader never sees half of one.

    Raises
    ------
    OutputError
        When it cannot be written, or `folder` holds something else.
    """
    require_replaceable(folder)
    beside = folder.with_name(f".{folder.name}.writing")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        safetensors.torch.save_file(weights, beside / WEIGHTS)
        described = description.model_copy(update={"weights_sha256": sha256_of(beside / WEIGHTS)})
        (beside / DESCRIPTION).write_text(described.model_dump_json(indent=2) + "\n", encoding="utf-8")
        _swap(beside, folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise OutputError(
            f"could not be written: {error}", where=folder, do="free space, or choose another place"
        ) from None


def _swap(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder`; what was there goes only once `new` is in place."""
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_bundle(folder: str | Path) -> Bundle:
    """Read a bundle and check that its weights are the ones that it describes.

    Raises
    ------
    ModelError
        When it is not a bundle, or is damaged.
    """
    folder = Path(folder)
    description = _read_description(folder)
    network = description.architecture.build(len(description.bands), description.scheme.class_count)
    weights = folder / WEIGHTS
    try:
        if sha256_of(weights) != description.weights_sha256:
            raise ModelError(
                "the weights are not the ones that model.json describes", where=weights, do="get it again"
            )
        network.load_state_dict(safetensors.torch.load_file(weights))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=weights, do="get the bundle again") from None
    except (SafetensorError, RuntimeError) as error:
        first = next((line.strip() for line in str(error).splitlines()[1:]), str(error))
        raise ModelError(
            f"does not fit the architecture in model.json: {first}", where=weights, do="get the bundle again"
        ) from None
    return Bundle(folder, description, network.eval())


def _read_description(folder: Path) -> Description:
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ModelError(
            "is not a model bundle: it has no model.json", where=folder, do="name the bundle's folder, or 'ratio'"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Description.model_validate(content)
    except ValidationError as error:
        raise ModelError(explain(error), where=path, do="was it made by a newer version?") from None
    except (ValueError, OSError) as error:
        raise ModelError(f"is damaged: {error}", where=path, do="get the bundle again") from None
