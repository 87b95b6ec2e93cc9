"""A bundle as one ONNX file for other programs, with what the QGIS plugin Deepness reads of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firnline.bands import Level
from firnline.errors import ConfigError, ModelError
from firnline.files import replaced
from firnline.inference.onnx_runtime import network_as_onnx
from firnline.inference.runtime import network_of
from firnline.models.band_inputs import Reading
from firnline.models.bundle import Bundle
from firnline.models.normaliser import Impute

if TYPE_CHECKING:
    from torch import nn

DEEPNESS_SCALE: Final = 255.0
"""Deepness divides what it reads by this before it standardises, of whatever type it is."""

OVERLAP_PERCENT: Final = 12
"""64 of 512 pixels, as `firnline map` has it."""


def export_onnx(bundle: Bundle, path: Path, level: Level | None = None) -> None:
    """Write a bundle as an ONNX file.

    The file takes ``input``, float32 (1, band, row, column): the bands of the bundle in their order, standardised,
    NaN where unknown; and gives ``output``, float32 (1, class, row, column): probabilities, calibrated where the
    bundle is. Planes that tell which optional bands are known are made inside. Its metadata holds the
    standardisation in Deepness's terms: ``(value / 255 - standardization_mean) / standardization_std`` is what it
    takes, with values in the bands' units.

    Parameters
    ----------
    level
        Of which radiometric level the values will be, where bands were learnt at several.

    Raises
    ------
    ModelError
        When the bundle is no single network.
    ConfigError
        When bands were learnt at several levels and none is named, or the extra ``onnx`` is not installed.
    OutputError
        When it cannot be written.
    """
    said = bundle.description
    if bundle.network is None:
        do = "export its members one by one" if bundle.members else None
        raise ModelError("is not a single network, which an ONNX file holds", where=bundle.folder, do=do)
    readings = _readings(bundle, level)
    content = network_as_onnx(_whole(bundle, readings), len(said.bands), said.window, _metadata(bundle, readings))
    with replaced(path) as temporary:
        temporary.write_bytes(content)


def _readings(bundle: Bundle, level: Level | None) -> tuple[Reading, ...]:
    chosen = []
    for band in bundle.description.bands:
        found = band.readings[0] if len(band.readings) == 1 else None if level is None else band.at(level)
        if found is None:
            known = ", ".join(reading.level for reading in band.readings)
            raise ConfigError(f"band '{band.name}' was learnt as {known}", where="--level", do="name one of these")
        chosen.append(found)
    return tuple(chosen)


def _metadata(bundle: Bundle, readings: Sequence[Reading]) -> dict[str, str]:
    """What Deepness reads, each value as JSON; and the bands, which it does not ask for."""
    said = bundle.description
    values = {
        "model_type": "Segmentor",
        "class_names": {str(value): name for value, name in enumerate(said.scheme.class_names)},
        "resolution": 100 * said.resolutions_m[0],
        "tile_size": said.window,
        "tiles_size": said.window,
        "tiles_overlap": OVERLAP_PERCENT,
        "standardization_mean": [reading.mean / DEEPNESS_SCALE for reading in readings],
        "standardization_std": [reading.deviation / DEEPNESS_SCALE for reading in readings],
        "firnline_model": said.name,
        "firnline_weights_sha256": said.weights_sha256,
        "firnline_bands": [
            {"name": band.name, "required": band.required, "level": reading.level, "unit": reading.unit}
            for band, reading in zip(said.bands, readings, strict=True)
        ],
    }
    return {key: json.dumps(value) for key, value in values.items()}


def _whole(bundle: Bundle, readings: Sequence[Reading]) -> nn.Module:
    """The network with what `models.inputs` and the calibration do around it."""
    import torch
    from torch import Tensor, nn

    said = bundle.description
    told = [number for number, band in enumerate(said.bands) if not band.required]

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network_of(bundle)
            self.imputed: Tensor
            self.temperatures: Tensor
            self.register_buffer("imputed", _imputed(readings, said.impute))
            given = said.calibration.temperatures if said.calibration else (1.0,) * said.scheme.class_count
            self.register_buffer("temperatures", torch.tensor(given).reshape(1, -1, 1, 1))

        def forward(self, values: Tensor) -> Tensor:
            """Standardised bands, NaN where unknown, to probabilities."""
            unknown = torch.isnan(values)
            channels = torch.where(unknown, self.imputed, values)
            if told:
                channels = torch.cat([channels, (~unknown[:, told]).to(values.dtype)], dim=1)
            return torch.softmax(torch.log_softmax(self.network(channels), dim=1) / self.temperatures, dim=1)

    def _imputed(readings: Sequence[Reading], impute: Impute) -> Tensor:
        """What stands for unknown values, after standardisation."""
        zero = [-reading.mean / reading.deviation if impute == "before" else 0.0 for reading in readings]
        return torch.tensor(zero).reshape(1, -1, 1, 1)

    return Whole().eval()
