"""The loss of a batch, and its terms. None of them sees an unknown pixel, and all are taken over the whole batch."""

from firnline.training.losses.batch import batch_loss, batch_terms, l1_norm
from firnline.training.losses.boundary import boundary_loss
from firnline.training.losses.distance import distance_loss, signed_distance
from firnline.training.losses.overlap import dice_loss, tversky_loss
from firnline.training.losses.partial import as_truth_sees, ice_truth, log_as_truth_sees, require_learnable
from firnline.training.losses.pixelwise import cross_entropy_loss, focal_loss, glacier_loss
from firnline.training.losses.weighting import LossWeights

__all__ = [
    "LossWeights",
    "as_truth_sees",
    "batch_loss",
    "batch_terms",
    "boundary_loss",
    "cross_entropy_loss",
    "dice_loss",
    "distance_loss",
    "focal_loss",
    "glacier_loss",
    "ice_truth",
    "l1_norm",
    "log_as_truth_sees",
    "require_learnable",
    "signed_distance",
    "tversky_loss",
]
