"""The loss of a batch: its terms, by chips of each label scheme and by heads of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.models.heads import Heads
from firnline.training.loss_settings import Loss
from firnline.training.losses.boundary import boundary_loss
from firnline.training.losses.distance import distance_loss
from firnline.training.losses.overlap import dice_loss, tversky_loss
from firnline.training.losses.partial import ice_truth, log_as_truth_sees
from firnline.training.losses.pixelwise import cross_entropy_loss, focal_loss, glacier_loss
from firnline.training.losses.weighting import LossWeights


def batch_loss(
    outputs: Tensor | Heads,
    truth: Tensor,
    schemes: Sequence[LabelScheme],
    model: LabelScheme,
    settings: Loss,
    weighting: LossWeights | None = None,
) -> Tensor:
    """The loss of a batch whose chips may have different label schemes.

    Parameters
    ----------
    outputs
        Logits (batch, class, row, column) of any float dtype, or the heads of a network in training.
    truth
        (batch, row, column), uint8, 255 unknown.
    schemes
        The label scheme of each chip.
    model, settings
        The model's scheme, and the weights of the terms.
    weighting
        The learnt weights (`LossWeights.of`); None for those of the settings.

    Returns
    -------
    A scalar, float32 (float64 for outputs of float64); 0 where nothing is known.

    Raises
    ------
    LabelError
        When the model cannot learn from truth of a scheme.
    ConfigError
        When a head has a weight and the network has no such head.

    Examples
    --------
    >>> truth = torch.tensor([[[1, 255]]], dtype=torch.uint8)
    >>> only = Loss(dice=0, cross_entropy=2)
    >>> loss = batch_loss(torch.zeros(1, 2, 1, 2), truth, [LabelScheme.GLACIER], LabelScheme.GLACIER, only)
    >>> round(float(loss), 4)  # 2 log 2
    1.3863
    """
    terms = batch_terms(outputs, truth, schemes, model, settings)
    if weighting is not None:
        return weighting(terms)  # type: ignore[no-any-return]
    return torch.stack([weight * terms[term] for term, weight in settings.weights.items()]).sum()


def batch_terms(
    outputs: Tensor | Heads, truth: Tensor, schemes: Sequence[LabelScheme], model: LabelScheme, settings: Loss
) -> dict[str, Tensor]:
    """The terms that have a weight, without it, each a scalar; arguments as in `batch_loss`.

    Chips of one label scheme make one loss over all their pixels; the losses of the schemes weigh by their chips.
    The heads' losses are over all chips at once.
    """
    heads = outputs if isinstance(outputs, Heads) else Heads(outputs)
    logs = torch.log_softmax(_exact(heads.classes), dim=1)
    terms: dict[str, Tensor] = {}
    for scheme in sorted(set(schemes)):
        chosen = torch.tensor([other == scheme for other in schemes], device=logs.device)
        share = schemes.count(scheme) / len(schemes)
        seen = log_as_truth_sees(logs[chosen], model, scheme)
        for term, loss in _class_terms(seen, truth[chosen], settings).items():
            terms[term] = terms.get(term, 0.0) + share * loss
    return terms | _head_terms(heads, ice_truth(truth, schemes), settings)


def _class_terms(logs: Tensor, truth: Tensor, settings: Loss) -> dict[str, Tensor]:
    probabilities = logs.exp()
    losses: dict[str, Callable[[], Tensor]] = {
        "dice": lambda: dice_loss(probabilities, truth, settings.dice_form),
        "tversky": lambda: tversky_loss(probabilities, truth, settings.tversky_alpha, settings.tversky_beta),
        "focal": lambda: focal_loss(logs, truth, settings.focal_gamma),
        "cross_entropy": lambda: cross_entropy_loss(logs, truth),
        "boundary": lambda: boundary_loss(probabilities, truth),
    }
    return {term: loss() for term, loss in losses.items() if term in settings.weights}


def _head_terms(heads: Heads, ice: Tensor, settings: Loss) -> dict[str, Tensor]:
    terms: dict[str, Tensor] = {}
    if settings.glacier:
        terms["glacier"] = glacier_loss(_exact(_head(heads, "glacier")), ice)
    if settings.distance:
        terms["distance"] = distance_loss(_exact(_head(heads, "distance")), ice, settings.distance_reach)
    return terms


def _head(heads: Heads, name: str) -> Tensor:
    found: Tensor | None = getattr(heads, name)
    if found is None:
        what = f"loss.{name} has a weight, but the network has no {name} head"
        raise ConfigError(what, do=f"leave out loss.{name}")
    return found


def _exact(outputs: Tensor) -> Tensor:
    """At least float32: sums over a batch of bfloat16 would lose most pixels."""
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))


def l1_norm(network: nn.Module) -> Tensor:
    """Sum of the absolute values of all weights."""
    return torch.stack([parameter.abs().sum() for parameter in network.parameters()]).sum()
