import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def match_template(image, template):
    image, template = image.numpy(), template.numpy()
    windows = sliding_window_view(image, template.shape)[0]  # (H', W', C, h, w)
    d = windows - windows.mean((2, 3, 4), keepdims=True)
    t = template - template.mean()
    below = np.sqrt((d**2).sum((2, 3, 4)) * (t**2).sum())
    products = (d * t).sum((2, 3, 4))
    return np.divide(products, below, out=np.zeros_like(products), where=below > 0)
