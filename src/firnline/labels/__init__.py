"""Labels: outlines of any kind to class rasters on a scene's grid."""

from firnline.labels.dates import parse_firm_dates
from firnline.labels.outlines import Outlines, Role, read_border, read_outlines
from firnline.labels.rasterise import LabelResult, rasterise
from firnline.labels.report import LabelReport
from firnline.labels.truth import DebrisOnly, Glaciers, GlaciersWithDebris, Parts, Truth, truth_of

__all__ = [
    "DebrisOnly",
    "Glaciers",
    "GlaciersWithDebris",
    "LabelReport",
    "LabelResult",
    "Outlines",
    "Parts",
    "Role",
    "Truth",
    "parse_firm_dates",
    "rasterise",
    "read_border",
    "read_outlines",
    "truth_of",
]
