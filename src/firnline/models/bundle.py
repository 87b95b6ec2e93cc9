"""The model bundle: one folder with everything that a prediction needs, and nothing that can run code."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator
from safetensors import SafetensorError

from firnline.bands import Sensor
from firnline.classes import LabelScheme
from firnline.errors import ModelError, OutputError
from firnline.files import replaced, sha256_of
from firnline.models.architectures import Architecture, CompositeSettings, NetworkSettings
from firnline.models.band_inputs import BandInput, layout_of
from firnline.models.inputs import Layout
from firnline.models.merging import member_schemes
from firnline.models.normaliser import Impute
from firnline.models.pixels.classifier import RasterClassifier, load_weights, save_weights
from firnline.models.pixels.settings import PixelSettings
from firnline.sidecar import explain

if TYPE_CHECKING:
    from torch import nn

DESCRIPTION: Final = "model.json"
WEIGHTS: Final = "weights.safetensors"
MEMBERS: Final = "members"
"""The folder of the models that another is made of."""
DERIVED: Final = "derived"
"""Runtime files made from the weights, in a folder named by their hash; deleted, they are made again."""

FORMAT: Final = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Calibration(_Part):
    """How probabilities are corrected: of class c, p to the power of 1 / temperature c, then to a sum of 1."""

    temperatures: tuple[Annotated[FiniteFloat, Field(gt=0)], ...]
    measures: dict[str, Any] = {}
    """What it rests on, and what it was found to be worth on pixels that it was not fitted on."""


class Description(_Part):
    """What ``model.json`` says.

    A model that is made of others (its `members`) takes the bands that these say, and has none of its own.
    """

    format: Literal[2] = FORMAT
    name: str
    architecture: Architecture
    bands: tuple[BandInput, ...] = ()
    impute: Impute = "after"
    scheme: LabelScheme
    sensors: tuple[Sensor, ...] = ()
    """The sensors of the training scenes."""
    resolutions_m: Annotated[tuple[Annotated[FiniteFloat, Field(gt=0)], ...], Field(min_length=1)]
    """The pixels of the training scenes."""
    window: Annotated[int, Field(gt=0)]
    """The side of the windows that the model was validated on, pixels."""
    calibration: Calibration | None = None
    members: tuple[str, ...] = ()
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    weights_sha256: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if isinstance(self.architecture, CompositeSettings) != bool(self.members):
            raise ValueError("members: a model is made of others, or has none")
        if bool(self.bands) == bool(self.members):
            raise ValueError("bands: a model takes bands of its own, or is made of members that do")
        if any("/" in name or "\\" in name or name in (".", "..") for name in self.members):
            raise ValueError("members: are folders beside model.json")
        if len(set(self.members)) != len(self.members):
            raise ValueError("members: each only once")
        names = [band.name for band in self.bands]
        if len(set(names)) != len(names):
            raise ValueError("bands: each only once")
        if self.impute == "before" and not all(band.required for band in self.bands):
            raise ValueError("impute: before goes with required bands alone")
        if self.calibration is not None and len(self.calibration.temperatures) != self.scheme.class_count:
            raise ValueError("calibration: has a temperature for each class")
        return self

    @property
    def layout(self) -> Layout:
        """Its bands in the network's order."""
        return layout_of(self.bands)


@dataclass(frozen=True)
class LazyNetwork:
    """A network that is built, and torch imported, only when it is asked for: a kept conversion does without."""

    folder: Path
    description: Description

    def load(self) -> nn.Module:
        """Build it and read its weights.

        Raises
        ------
        ModelError
            When the weights do not fit, or an extra is not installed.
        """
        return _load_network(self.folder, self.description).eval()


@dataclass(frozen=True)
class Bundle:
    """A trained model: its description, and its network, its classifier or its members.

    Examples
    --------
    >>> import tempfile
    >>> from firnline.models.architectures import UNetSettings
    >>> from firnline.models.band_inputs import Reading
    >>> settings = UNetSettings(width=2, depth=1)
    >>> read = Reading(level="surface reflectance", unit="1", mean=0.2, deviation=0.1)
    >>> red = BandInput(name="red", readings=(read,))
    >>> description = Description(name="tiny", architecture=settings, bands=(red,), scheme="glacier",
    ...                           resolutions_m=(30.0,), window=64)
    >>> folder = Path(tempfile.mkdtemp()) / "tiny"
    >>> save_bundle(folder, description, settings.build(description.layout, 2))
    >>> bundle = load_bundle(folder)
    >>> bundle.band_names, bundle.description.scheme.value, len(bundle.description.weights_sha256)
    (('red',), 'glacier', 64)
    """

    folder: Path
    description: Description
    given: nn.Module | LazyNetwork | None = field(default=None, repr=False)
    """Its network, or what builds it once it is asked for."""
    members: tuple[Bundle, ...] = ()
    classifier: RasterClassifier | None = field(default=None, repr=False)
    """Of pixels or segments."""

    @cached_property
    def network(self) -> nn.Module | None:
        """None where it has a classifier, or members."""
        return self.given.load() if isinstance(self.given, LazyNetwork) else self.given

    @property
    def has_network(self) -> bool:
        """Whether it has a network of its own, which is not built to tell."""
        return self.given is not None

    @property
    def band_names(self) -> tuple[str, ...]:
        """The bands that it, or any of its members, takes."""
        own = (band.name for band in self.description.bands)
        return tuple(dict.fromkeys((*own, *(name for member in self.members for name in member.band_names))))

    @property
    def leaves(self) -> tuple[Bundle, ...]:
        """The models in it that are not made of others; itself where it is none."""
        return tuple(leaf for member in self.members for leaf in member.leaves) if self.members else (self,)

    @property
    def derived(self) -> Path:
        """Where runtime files made from these weights are kept."""
        return self.folder / DERIVED / self.description.weights_sha256[:16]


def require_replaceable(folder: Path) -> None:
    """Raise OutputError when something lies at `folder` that is not a bundle, and so must not be replaced."""
    if folder.exists() and not (folder / DESCRIPTION).is_file():
        raise OutputError("is in the way: it is not a model bundle", where=folder, do="choose another name")


def save_bundle(folder: Path, description: Description, model: nn.Module | RasterClassifier) -> None:
    """Write a bundle, replacing the one that is there; a reader never sees half of one.

    Raises
    ------
    OutputError
        When it cannot be written, or `folder` holds something else.
    """

    def write(beside: Path) -> None:
        if isinstance(model, RasterClassifier):
            save_weights(beside / WEIGHTS, model)
        else:
            import safetensors.torch

            weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
            safetensors.torch.save_file(weights, beside / WEIGHTS)
        _write_description(beside, description.model_copy(update={"weights_sha256": sha256_of(beside / WEIGHTS)}))

    _replace(folder, write)


def save_composite(folder: Path, description: Description, members: Sequence[Path]) -> None:
    """Write a bundle that is made of others, which are copied into it in the order of `description.members`.

    Raises
    ------
    OutputError
        When it cannot be written, or `folder` holds something else.
    """

    def write(beside: Path) -> None:
        for name, member in zip(description.members, members, strict=True):
            shutil.copytree(member, beside / MEMBERS / name, ignore=shutil.ignore_patterns(DERIVED))
        _write_description(beside, description.model_copy(update={"weights_sha256": _sum_of(beside, description)}))

    _replace(folder, write)


def _sum_of(folder: Path, description: Description) -> str:
    """The weights of a bundle that is made of others are its members' descriptions, which name theirs."""
    digest = hashlib.sha256()
    for name in description.members:
        digest.update((folder / MEMBERS / name / DESCRIPTION).read_bytes())
    return digest.hexdigest()


def describe_again(folder: Path, **changes: Any) -> None:
    """Change what a bundle says of itself (its calibration, say), and leave its weights.

    Raises
    ------
    ModelError
        When it is not a bundle.
    OutputError
        When it cannot be written.
    """
    description = read_description(folder).model_copy(update=changes)
    with replaced(folder / DESCRIPTION) as temporary:
        temporary.write_text(_as_json(description), encoding="utf-8")


def _write_description(folder: Path, description: Description) -> None:
    (folder / DESCRIPTION).write_text(_as_json(description), encoding="utf-8")


def _as_json(description: Description) -> str:
    return description.model_dump_json(indent=2) + "\n"


def _replace(folder: Path, write: Callable[[Path], None]) -> None:
    require_replaceable(folder)
    beside = folder.with_name(f".{folder.name}.writing")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        write(beside)
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


def load_bundle(folder: str | Path, *, lazily: bool = False) -> Bundle:
    """Read a bundle and check that its weights are the ones that it describes.

    `lazily` leaves a network to be built when it is asked for; what is wrong with it is told then.

    Raises
    ------
    ModelError
        When it is not a bundle, or is damaged.
    """
    folder = Path(folder)
    description = read_description(folder)
    if description.members:
        return _load_composite(folder, description, lazily)
    _require_weights(folder / WEIGHTS, description)
    if isinstance(description.architecture, PixelSettings):
        bands, classes = len(description.bands), description.scheme.class_count
        classifier = load_weights(folder / WEIGHTS, description.architecture, bands, classes)
        return Bundle(folder, description, classifier=classifier)
    network = LazyNetwork(folder, description)
    return Bundle(folder, description, network if lazily else network.load())


def _require_weights(weights: Path, description: Description) -> None:
    try:
        found = sha256_of(weights)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=weights, do="get the bundle again") from None
    if found != description.weights_sha256:
        raise ModelError("the weights are not the ones that model.json describes", where=weights, do="get it again")


def _load_composite(folder: Path, description: Description, lazily: bool) -> Bundle:
    members = tuple(load_bundle(folder / MEMBERS / name, lazily=lazily) for name in description.members)
    if _sum_of(folder, description) != description.weights_sha256:
        raise ModelError("its members are not the ones that model.json describes", where=folder, do="get it again")
    schemes = tuple(member.description.scheme for member in members)
    if schemes != member_schemes(description.architecture, description.scheme, len(members)):
        raise ModelError(
            f"members of scheme {' and '.join(schemes)} do not make one of {description.scheme}",
            where=folder,
            do="get it again",
        )
    return Bundle(folder, description, None, members)


def _load_network(folder: Path, description: Description) -> nn.Module:
    import safetensors.torch

    architecture, weights = description.architecture, folder / WEIGHTS
    assert isinstance(architecture, NetworkSettings)
    try:
        network = architecture.build(description.layout, description.scheme.class_count)
    except ModelError as error:  # of an extra that is not installed
        raise ModelError(error.what, where=folder, do=error.do) from None
    try:
        network.load_state_dict(safetensors.torch.load_file(weights))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=weights, do="get the bundle again") from None
    except (SafetensorError, RuntimeError) as error:
        first = next((line.strip() for line in str(error).splitlines()[1:]), str(error))
        raise ModelError(
            f"does not fit the architecture in model.json: {first}", where=weights, do="get the bundle again"
        ) from None
    return network


def read_description(folder: Path) -> Description:
    """Read what a bundle says of itself, and leave its weights alone.

    Raises
    ------
    ModelError
        When it is not a bundle, or its description is damaged.
    """
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
