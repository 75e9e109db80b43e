"""The evidence server: signed evidence in, recomputed verdicts out, packs that prove themselves."""

__version__ = "0.1.0"
