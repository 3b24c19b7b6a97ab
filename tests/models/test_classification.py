"""Small classifiers: what does not matter to a reader of digits, and that it learns."""

import pytest
import torch
from torch.nn.functional import interpolate
from torch.testing import assert_close

from edudet.models.small import digit_net
from edudet.models.small.classification import InkOnPaper


def strokes(count, side=8):
    """Dark pictures with a bright stroke or two."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(count, 3, side, side)
    for i, image in enumerate(images):
        x, y = torch.randint(1, side - 1, (2,), generator=generator).tolist()
        image[:, 1:-1, x] = 0.7
        image[:, y, 1 : 3 + i % 4] = 1.0
    return list(images)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return digit_net(10, (8, 8)).eval()


def test_ink_on_paper():
    prepared = InkOnPaper((8, 8))(strokes(5))
    assert prepared.shape == (5, 1, 8, 8) and prepared.amax() == 1
    flat = InkOnPaper((8, 8))([torch.full((3, 8, 8), 0.3)])
    assert flat.abs().max() < 1e-3  # a page without ink
    assert InkOnPaper((8, 8))([torch.full((3, 8, 8), 0.3), *strokes(1)]).isfinite().all()


def test_dark_ink_on_bright_paper_is_the_same(model):
    images = strokes(6)
    with torch.inference_mode():
        for one, other in zip(model(images), model([1 - i for i in images]), strict=True):
            assert_close(one, other)


def test_large_pictures_in_any_colour_are_the_same(model):
    images = strokes(6)
    large = [interpolate(image[None], scale_factor=5, mode="nearest")[0] for image in images]
    dim = [0.25 + 0.5 * image for image in images]
    with torch.inference_mode():
        expected = model(images)
        for others in (model(large), model(dim)):
            for one, other in zip(expected, others, strict=True):
                assert_close(one["scores"], other["scores"], atol=1e-5, rtol=1e-4)


def test_sizes_may_differ_in_a_batch(model):
    with torch.inference_mode():
        found = model([torch.rand(3, 5, 7), torch.rand(3, 40, 30), torch.rand(3, 8, 8)])
    assert [len(one["labels"]) for one in found] == [10, 10, 10]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_any_dtype(dtype):
    model = digit_net(10, (8, 8)).to(dtype)
    images = [image.to(dtype) for image in strokes(4, 12)]
    loss = model(images, [{"label": k} for k in (1, 4, 4, 10)])["loss_class"]
    loss.backward()
    assert loss.isfinite() and loss.dtype == torch.promote_types(dtype, torch.float32)
    assert all(p.grad.dtype == dtype and p.grad.isfinite().all() for p in model.parameters())
    assert all(one["scores"].isfinite().all() for one in model.eval()(images))


def test_gradients_reach_the_image(model):
    images = [image.requires_grad_() for image in strokes(2, 12)]
    best = sum(one["scores"][0] for one in model(images))
    for gradient in torch.autograd.grad(best, images):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


@pytest.mark.parametrize("count", [0, -3])
def test_too_few_classes(count):
    with pytest.raises(ValueError, match=f"Classifier: num_classes must be pos.*, got {count}"):
        digit_net(count, (8, 8))


def test_it_learns_a_few_scans():
    pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    from edudet.data import Digits

    images, targets = zip(*(Digits("train")[i] for i in range(30)), strict=True)
    torch.manual_seed(0)
    model = digit_net(10, (8, 8))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        model(images, targets)["loss_class"].backward()
        optimizer.step()
    assert all(p.grad.any() for p in model.parameters())
    found = [int(one["labels"][0]) for one in model.eval()(images)]
    assert found == [int(target["label"]) for target in targets]
