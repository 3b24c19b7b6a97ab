import numpy as np


def affine_grid(theta, height, width, align_corners):
    index = np.indices((height, width)).astype(np.float32)
    size = np.array([height, width], dtype=np.float32)[:, None, None]
    if align_corners:
        n, m = index / np.maximum(size - 1, 1) * 2 - (size > 1)
    else:
        n, m = (index + 0.5) / size * 2 - 1
    return np.einsum("cp,cyx->yxp", theta.numpy().T, np.stack([m, n, np.ones_like(m)]))
