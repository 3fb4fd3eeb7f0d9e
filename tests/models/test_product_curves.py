"""Product curves, interpreted against compiled: they run in every decision of a station that follows one."""

import numpy as np

from models.grid.products import PRODUCTS, corners, share_at


def test_compiled_curves_are_the_same_bits(same_bits):
    rows = [
        (hz, *corners(product))
        for product in PRODUCTS.values()
        for hz in np.linspace(-0.7, 0.7, 57).tolist() + [point.deviation_hz for point in product.curve]
    ]
    same_bits(share_at, rows)
