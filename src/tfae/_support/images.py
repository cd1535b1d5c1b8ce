"""The shape of images, as a picture draws them or an error suggests it; no fit learns from it."""

from __future__ import annotations

import math


def square_image(n_pixels: int) -> tuple[int, int] | None:
    """Return the height and width of a square image of that many pixels, or None."""
    side = math.isqrt(n_pixels)
    return (side, side) if side * side == n_pixels else None
