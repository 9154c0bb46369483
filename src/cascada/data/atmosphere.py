"""The US standard atmosphere in Linsley's parametrisation, as CORSIKA 7 uses it (its manual, appendix D)."""

import numpy as np

# per layer: lower edge [km], a [g/cm²], b [g/cm²], c [cm]; the top layer is linear
LAYERS = np.array(
    [
        (0, -186.5562, 1222.6562, 994186.38),
        (4, -94.919, 1144.9069, 878153.55),
        (10, 0.61289, 1305.5948, 636143.04),
        (40, 0.0, 540.1778, 772170.16),
        (100, 0.01128292, 1.0, 1e9),
    ]
)
TOP = 112.8292e5  # cm, where the depth is 0


def depth(height: np.ndarray | float) -> np.ndarray:
    """Vertical depth [g/cm²] above a height [m]: X(h) = a + b·exp(−h/c), in the top layer a − b·h/c."""
    h = np.asarray(height, float) * 100
    layer = np.clip(np.searchsorted(LAYERS[:, 0] * 1e5, h, "right") - 1, 0, 4)
    _, a, b, c = LAYERS[layer].T if h.ndim else LAYERS[layer]
    return np.where(layer == 4, a - b * h / c, a + b * np.exp(-h / c))


def height(depth_above: np.ndarray) -> np.ndarray:
    """Height [m] at a vertical depth [g/cm²]: the inverse of `depth`."""
    x = np.maximum(np.asarray(depth_above, float), 1e-6)
    edges = depth(LAYERS[1:, 0] * 1000)  # falling
    layer = np.where(x >= edges[0], 0, np.minimum(4 - np.searchsorted(edges[::-1], x, "left"), 4))
    _, a, b, c = LAYERS[layer].T
    with np.errstate(divide="ignore", invalid="ignore"):
        exponential = -c * np.log((x - a) / b)
    return np.where(layer == 4, np.minimum((a - x) * c / b, TOP), exponential) / 100
