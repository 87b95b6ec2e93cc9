"""What a bundle says of a window: its network or classifier, or its members merged, calibrated as a map has it."""

from __future__ import annotations

import torch

from firnline.errors import ModelError
from firnline.models.bundle import Bundle
from firnline.models.merging import calibrated, merging_of
from firnline.training.validation import Probabilities, of_network


def probabilities_of(bundle: Bundle, device: torch.device) -> Probabilities:
    """The probabilities that a map made with a bundle shows, from channels that are the same for all its members.

    Raises
    ------
    ModelError
        When its members take channels of different bands, or normalise them in different ways.
    """
    said = bundle.description
    temperatures = None if said.calibration is None else said.calibration.temperatures
    predict = _merged(bundle, device) if bundle.members else _alone(bundle, device)
    return lambda values: calibrated(predict(values), temperatures)


def _merged(bundle: Bundle, device: torch.device) -> Probabilities:
    if len({leaf.description.bands for leaf in bundle.leaves}) > 1:
        raise ModelError("its members do not take the same bands in the same way", where=bundle.folder)
    members = [probabilities_of(member, device) for member in bundle.members]
    merge = merging_of(bundle.description.architecture)
    return lambda values: merge([member(values) for member in members])


def _alone(bundle: Bundle, device: torch.device) -> Probabilities:
    if bundle.classifier is not None:
        return bundle.classifier.probabilities
    assert bundle.network is not None
    return of_network(bundle.network.to(device, memory_format=torch.channels_last), device)  # type: ignore[call-overload]
