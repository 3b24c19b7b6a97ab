import sys

import numpy as np
import pytest
import torch

from edudet.data import digits
from edudet.data.digits import Digits, draw_digit, load_digits

sklearn_datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")


def test_test_scenes_have_handwriting_of_their_own():
    scans = sklearn_datasets.load_digits()
    train, test = load_digits(False), load_digits(True)
    assert sum(map(len, train)) == 1297 and sum(map(len, test)) == 500
    for digit in range(10):
        own = scans.images[scans.target == digit] / 16
        assert np.array_equal(np.concatenate([train[digit], test[digit]]), own)
        assert len(test[digit]) > 30


def test_another_programme_reads_them():
    """Drawn large, reduced to 8 x 8 again, and read by nearest neighbours among the scans."""
    from skimage.transform import resize
    from sklearn.neighbors import KNeighborsClassifier

    scans = sklearn_datasets.load_digits()
    inked = scans.images / 16 >= digits.INK
    known = KNeighborsClassifier(3).fit([framed(scan, resize) for scan in inked], scans.target)
    rng = np.random.default_rng(0)
    wanted = np.arange(100) % 10
    drawn = [framed(draw_digit(rng, digit, 40.0, 5.0, True).mask(), resize) for digit in wanted]
    assert (known.predict(drawn) == wanted).mean() > 0.85


def framed(mask, resize):
    columns, rows = mask.any(0).nonzero()[0], mask.any(1).nonzero()[0]
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float)
    return resize(cut, (8, 8), anti_aliasing=True).ravel()


@pytest.mark.parametrize("side", [14.0, 30.0, 56.0])
@pytest.mark.parametrize("digit", range(10))
def test_size(digit, side):
    mask = draw_digit(np.random.default_rng(digit), digit, side, 20.0, False).mask()
    columns, rows = mask.any(0).nonzero()[0], mask.any(1).nonzero()[0]
    longer = max(columns[-1] - columns[0], rows[-1] - rows[0]) + 1
    assert abs(longer - side) <= 1 + side / 15


def test_without_scikit_learn(monkeypatch):
    load_digits.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(
        ImportError, match=r"digits need scikit-learn: pip install 'edudet\[demo\]'"
    ):
        load_digits(False)
    with pytest.raises(ImportError, match=r"^Digits: handwritten digits need scikit-learn: pip"):
        Digits("test")


@pytest.mark.parametrize(("split", "begin", "number"), [("train", 0, 1297), ("test", 1297, 500)])
def test_the_scans_as_images(split, begin, number):
    scans = sklearn_datasets.load_digits()
    images = Digits(split)
    assert len(images) == number and images.categories[7] == "7" and images.size == (8, 8)
    for i in (0, 3, number - 1):
        image, target = images[i]
        assert image.shape == (3, 8, 8) and image.dtype == torch.float32
        assert np.array_equal(16 * image.numpy(), scans.images[begin + i][None].repeat(3, 0))
        assert images.categories[int(target["label"]) - 1] == str(scans.target[begin + i])
        assert target["label"].dtype == torch.int64 and target["image_id"] == i
    before = images[0][0].clone()
    images[0][0].zero_()  # what a caller does to its image is no other caller's affair
    assert torch.equal(images[0][0], before)


def test_the_first_scans():
    few = Digits("test", 5)
    assert len(few) == 5 and len(list(few)) == 5 and torch.equal(few[4][0], Digits("test")[4][0])
    with pytest.raises(IndexError, match=r"index must lie in \[0, 5\), got 5"):
        few[5]
    assert len(Digits(length=0)) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("val",), ValueError, "split must be 'train' or 'test', got 'val'"),
        (("test", 501), ValueError, r"length must lie in \[0, 500\], got 501"),
        (("test", -1), ValueError, r"length must lie in \[0, 500\], got -1"),
        (("test", 2.0), TypeError, "length"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=f"Digits: .*{message}"):
        Digits(*arguments)
