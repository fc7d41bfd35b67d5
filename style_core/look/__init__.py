"""The look of a photo: how a method changed its colors, and where; small, and good for any size."""

from .grid import CALM, FAITHFUL, Equations, Grid, Prior, equations
from .look import Look, Shares, fit_look, load_look
from .lut import ColorTable, fit_table, save_table

__all__ = [
    "CALM",
    "FAITHFUL",
    "ColorTable",
    "Equations",
    "Grid",
    "Look",
    "Prior",
    "Shares",
    "equations",
    "fit_look",
    "fit_table",
    "load_look",
    "save_table",
]
