"""Labels: outlines of any kind to class rasters on a scene's grid."""

from firnline.labels.dates import date_of_raster, firm_within, parse_firm_dates
from firnline.labels.outlines import Outlines, Role, joined, read_border, read_outlines
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
    "date_of_raster",
    "firm_within",
    "joined",
    "parse_firm_dates",
    "rasterise",
    "read_border",
    "read_outlines",
    "truth_of",
]
