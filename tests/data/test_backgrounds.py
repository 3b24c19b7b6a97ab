import sys

import numpy as np
import pytest

from edudet.data.backgrounds import PHOTOS, draw_background, load_photos, smooth_steps

data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")


def test_test_scenes_have_photos_of_their_own():
    assert len(load_photos(False)) == len(load_photos(True)) == len(PHOTOS)
    for name, (train, _), (test, _) in zip(
        PHOTOS, load_photos(False), load_photos(True), strict=True
    ):
        photo = getattr(data, name)()
        whole = photo[..., None].repeat(3, 2) if photo.ndim == 2 else photo
        assert np.array_equal(np.concatenate([train, test], 2).transpose(1, 2, 0), whole)
        assert test.shape[2] >= 128


def test_half_the_size_is_the_mean_of_four():
    full, half = load_photos(False)[0]
    assert half.shape == (3, full.shape[1] // 2, full.shape[2] // 2)
    assert abs(full[1, 10:12, 20:22].mean() - half[1, 5, 10]) <= 0.5


@pytest.mark.parametrize("size", [(128, 128), (33, 200), (600, 700)])
@pytest.mark.parametrize("photos", [0.0, 1.0])
@pytest.mark.parametrize("held_out", [False, True])
def test_shapes_and_values(size, photos, held_out):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        image, ground = draw_background(rng, size, photos, 0.5, held_out)
        assert image.shape == (3, *size) and image.dtype == np.float32
        assert ground.shape == size and ground.dtype == bool
        assert image.min() >= -1e-6 and image.max() <= 1.3 and np.ptp(image) > 0


def test_ground_is_below():
    for seed in range(20):
        _, ground = draw_background(np.random.default_rng(seed), (128, 128), 0.0, 1.0, False)
        assert 0.05 < ground.mean() < 0.95
        assert (ground[1:] >= ground[:-1]).all(), "once below the horizon, always below"


def test_smooth_steps_are_weights_that_meet_the_grid():
    weights = smooth_steps(400, 4)
    assert weights.shape == (400, 5) and weights.min() >= 0
    assert np.allclose(weights.sum(1), 1)
    assert weights[100].argmax() == 1 and weights[100, 1] > 0.999


def test_without_scikit_image(monkeypatch):
    load_photos.cache_clear()
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r"need scikit-image: pip install 'edudet\[demo\]'"):
        load_photos(False)
    image, _ = draw_background(np.random.default_rng(0), (64, 64), 0.0, 0.0, False)
    assert image.shape == (3, 64, 64)
