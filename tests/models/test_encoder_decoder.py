"""FCN: enlarging, odd sizes, what void does, and that it learns."""

import pytest
import torch
from torch.nn.functional import cross_entropy, interpolate
from torch.testing import assert_close

from edudet.data import Scenes
from edudet.models.dense.encoder_decoder import (
    AddedScores,
    EncoderDecoder,
    bilinear_kernel,
    enlarging,
    semantic_loss,
)
from edudet.models.small import fcn_small
from edudet.nn.small import SmallNet
from edudet.nn.transform import Transform

VOID = 255


@pytest.fixture
def model():
    torch.manual_seed(0)
    return fcn_small(4)


def maps_of(size, classes=4, seed=0):
    return torch.randint(classes, size, generator=torch.Generator().manual_seed(seed))


def images_of(*sizes):
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(3, *size, generator=generator) for size in sizes]


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_enlarging_begins_as_bilinear(factor):
    maps = torch.rand(2, 3, 7, 5)
    large = enlarging(3, factor)(maps)
    expected = interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    inside = (..., slice(factor, -factor), slice(factor, -factor))  # at the rim zeros come in
    assert large.shape == expected.shape
    assert_close(large[inside], expected[inside])
    assert not torch.allclose(large, expected)
    assert bilinear_kernel(factor).sum() == factor**2


def test_the_kernel_by_hand():
    assert (16 * bilinear_kernel(2)).tolist() == [
        [1, 3, 3, 1], [3, 9, 9, 3], [3, 9, 9, 3], [1, 3, 3, 1],
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(1, 1), (75, 101), (33, 16), (128, 128), (2, 300)])
def test_odd_sizes(size):
    """75 pixels are 19, 10 and 5 cells; twice 10 are 20, of which the first 19 are meant."""
    encoder = SmallNet((16, 16, 16, 16)).eval()
    decoder = AddedScores(encoder.out_channels, 3, 4)
    maps = encoder(torch.rand(2, 3, *size))
    assert decoder(maps, size).shape == (2, 3, *size)
    fcn = EncoderDecoder(Transform(None, size_divisible=1), encoder, decoder).eval()
    (found,) = fcn([torch.rand(3, *size)])
    assert found["semantic"].shape == found["scores"].shape == size


def test_a_cell_of_an_odd_map_stays_where_it_is():
    """What is added to a fine cell comes from the coarse cell above it, in the last row, too."""
    decoder = AddedScores((1, 1), 2, 2)
    for scores in decoder.scores:
        torch.nn.init.ones_(scores.weight)
        torch.nn.init.zeros_(scores.bias)
    coarse = torch.zeros(1, 1, 3, 3)
    coarse[0, 0, 2, 1] = 1.0
    found = decoder([torch.zeros(1, 1, 5, 5), coarse], (9, 10))
    assert found.shape == (1, 2, 9, 10)
    y, x = divmod(int(found[0, 1].argmax()), 10)
    assert 8 <= y < 12 and 4 <= x < 8  # a coarse cell covers four pixels


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fcn_32_16_and_8(count):
    """As many maps as are given are added; the first of them says how far to enlarge."""
    channels, stride = (8, 16, 24)[-count:], 2 ** (5 - count)
    decoder = AddedScores(channels, 2, stride)
    sides = [2**i for i in range(count, 0, -1)]
    maps = [torch.rand(1, c, side, side) for c, side in zip(channels, sides, strict=True)]
    out = decoder(maps, (stride * 2**count,) * 2)
    assert out.shape == (1, 2, stride * 2**count, stride * 2**count)
    out.sum().backward()
    assert all(p.grad.any() for p in decoder.parameters())


def test_losses_reach_every_weight(model):
    images = images_of((40, 56), (33, 47))
    losses = model(images, [{"semantic": maps_of(image.shape[1:])} for image in images])
    assert losses.keys() == {"loss_semantic"} and losses["loss_semantic"].shape == ()
    losses["loss_semantic"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_the_loss_is_that_of_torch():
    logits, labels = torch.randn(2, 4, 5, 6, dtype=torch.float64), maps_of((2, 5, 6))
    labels[:, :2] = VOID  # of both the same number
    expected = cross_entropy(logits, labels, ignore_index=VOID)
    assert_close(semantic_loss(logits, labels), expected)


def test_images_count_alike_however_much_of_them_is_known():
    logits = torch.randn(2, 3, 4, 4)
    labels = maps_of((2, 4, 4), 3)
    labels[1, 1:] = VOID
    one, other = (semantic_loss(logits[i : i + 1], labels[i : i + 1]) for i in (0, 1))
    assert_close(semantic_loss(logits, labels), (one + other) / 2)


def test_void_teaches_nothing():
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    labels = maps_of((2, 4, 4), 3)
    labels[0, :2], labels[1] = VOID, VOID
    loss = semantic_loss(logits, labels)
    loss.backward()
    assert loss.isfinite() and not logits.grad[0, :, :2].any() and not logits.grad[1].any()
    assert logits.grad[0, :, 2:].any()
    assert semantic_loss(logits[1:], labels[1:]) == 0


def test_what_lies_beside_an_image_teaches_nothing(model):
    """An image in a batch with a larger one: the cells beside it are no background."""
    small, large = images_of((16, 16), (48, 64))
    keep = {}
    truth = [{"semantic": maps_of((16, 16))}, {"semantic": torch.full((48, 64), VOID)}]
    loss = model([small, large], truth, keep)["loss_semantic"]
    keep["logits"].retain_grad()
    loss.backward()
    gradient = keep["logits"].grad
    assert gradient[0, :, :16, :16].any() and not gradient[1].any()
    assert not gradient[0, :, 16:].any() and not gradient[0, :, :, 16:].any()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_labels_of_any_integers(model, dtype):
    (image,) = images_of((32, 32))
    labels = maps_of((32, 32))
    labels[:3] = VOID
    expected = model([image], [{"semantic": labels}])["loss_semantic"]
    found = model([image], [{"semantic": labels.to(dtype)}])["loss_semantic"]
    assert found == expected


def test_a_batch_in_place_of_a_list_and_lists_in_place_of_tensors(model):
    images = images_of((32, 32), (32, 32))
    targets = [{"semantic": maps_of((32, 32), seed=i)} for i in range(2)]
    expected = model(images, targets)["loss_semantic"]
    lists = [{"semantic": target["semantic"].tolist()} for target in targets]
    arrays = [{"semantic": target["semantic"].numpy()} for target in targets]
    for others in (lists, arrays):
        assert model(torch.stack(images), others)["loss_semantic"] == expected
    assert len(model.eval()(torch.stack(images), [None, None])) == 2  # not looked at


def test_maps_move_with_resized_images():
    """Half the image is class 1: of the resized map, too."""
    model = fcn_small(2)
    model.transform = Transform(64, size_divisible=16)
    labels = torch.zeros(32, 40, dtype=torch.int64)
    labels[:, 20:] = 1
    keep = {}
    model(images_of((32, 40)), [{"semantic": labels}], keep)["loss_semantic"].backward()
    (moved,) = keep["batch"].targets
    assert moved["semantic"].shape == (64, 80) and moved["semantic"].sum() == 64 * 40


def test_answers(model):
    model.eval()
    images = images_of((40, 56), (33, 47))
    keep = {}
    with torch.inference_mode():
        found = model(images, keep=keep)
    for i, (one, image) in enumerate(zip(found, images, strict=True)):
        height, width = image.shape[1:]
        assert one["semantic"].shape == one["scores"].shape == (height, width)
        probabilities = keep["logits"][i, :, :height, :width].softmax(0)
        assert_close(one["scores"], probabilities.amax(0))
        assert torch.equal(one["semantic"], probabilities.argmax(0))
    assert [tuple(m.shape[-2:]) for m in keep["maps"]] == [(12, 16), (6, 8), (3, 4)]


def test_the_order_of_a_batch_does_not_matter(model):
    model.eval()
    images = images_of((32, 48), (32, 48), (32, 48))
    with torch.inference_mode():
        forth, back = model(images), model(images[::-1])
        (alone,) = model(images[:1])
    for one, other in zip(forth, back[::-1], strict=True):
        assert_close(one["scores"], other["scores"])
    assert_close(alone["scores"], forth[0]["scores"])


def test_answers_have_the_size_of_the_photo():
    torch.manual_seed(0)
    model = fcn_small(4).eval()
    model.transform = Transform(48, size_divisible=16)
    (found,) = model(images_of((90, 130)))
    assert found["semantic"].shape == found["scores"].shape == (90, 130)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"boxes": torch.zeros(0, 4)}, r"targets\[1\] must have 'semantic', got boxes"),
        ({"semantic": torch.zeros(8, 9, dtype=torch.int64)},
         r"targets\[1\]\['semantic'\] must have shape \(H, W\), here \(32, 32\), got \(8, 9\)$"),
        ({"semantic": torch.zeros(32, 32)}, r"targets\[1\]\['semantic'\] must .*integer.*float32"),
        ({"semantic": torch.full((32, 32), 4)}, r"must lie in 0 to 3, or be 255 .*, got 4$"),
        ({"semantic": torch.full((32, 32), -1)}, r"must lie in 0 to 3, or be 255 .*, got -1$"),
    ],
)  # fmt: skip
def test_bad_targets(model, target, message):
    images = images_of((32, 32), (32, 32))
    with pytest.raises(ValueError, match=f"^EncoderDecoder: .*{message}"):
        model(images, [{"semantic": maps_of((32, 32))}, target])
    with pytest.raises(ValueError, match="targets must be given for each of the 2 images"):
        model(images)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_any_dtype(model, dtype):
    """A float16 holds no sum over 16384 pixels; it would be infinite."""
    model = model.to(dtype)
    images = [image.to(dtype) for image in images_of((128, 128), (40, 56))]
    loss = model(images, [{"semantic": maps_of(image.shape[1:])} for image in images])
    loss["loss_semantic"].backward()
    assert loss["loss_semantic"].isfinite()
    assert all(p.grad.dtype == dtype and p.grad.isfinite().all() for p in model.parameters())
    for one in model.eval()(images):
        assert one["scores"].dtype == torch.promote_types(dtype, torch.float32)
        assert one["semantic"].dtype == torch.int64 and one["scores"].isfinite().all()


def test_gradients_reach_the_image(model):
    images = [image.requires_grad_() for image in images_of((40, 56), (32, 48))]
    losses = model(images, [{"semantic": maps_of(image.shape[1:])} for image in images])
    answers = model.eval()(images)
    for value in (losses["loss_semantic"], sum(one["scores"].sum() for one in answers)):
        for gradient in torch.autograd.grad(value, images, retain_graph=True):
            assert gradient.isfinite().all() and gradient.abs().sum() > 0


@pytest.mark.parametrize("count", [0, 1, -3])
def test_too_few_classes(count):
    with pytest.raises(ValueError, match=f"num_classes must be at least 2, .*, got {count}"):
        fcn_small(count)


def test_it_learns_one_scene():
    pytest.importorskip("skimage", reason="scikit-image, for photos behind the scenes, is missing")
    image, target = Scenes("default", size=(64, 64))[3]
    torch.manual_seed(0)
    model = fcn_small(10)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model([image], [target])["loss_semantic"].backward()
        optimizer.step()
    (found,) = model.eval()([image])
    right = found["semantic"] == target["semantic"]
    assert right.float().mean() > 0.95
    for label in target["semantic"].unique():
        assert right[target["semantic"] == label].float().mean() > 0.6
