"""Cascada: from raw air-shower simulations to a tested, versioned, deployable classifier."""

__version__ = "0.1.0"
