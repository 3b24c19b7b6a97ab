import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import require_native
from edudet import native
from edudet.cases.proposals.merge_regions import CASES, MISTAKES
from edudet.proposals import felzenszwalb, merge_regions, to_colour_space
from edudet.proposals.felzenszwalb import gaussian_taps
from edudet.proposals.merge_regions import IMPLEMENTATIONS
from edudet.proposals.region_similarity import SIMILARITIES

SETS = (SIMILARITIES, ("texture", "size", "fill"), ("colour",), ("fill",), ("size",))


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    if request.param == "native":
        require_native("merge_regions", "cpu")
    return IMPLEMENTATIONS[request.param]


def segmented(height, width, channels=3, seed=0):
    """An image of blocks with noise, in planes, and a segmentation of it."""
    generator = np.random.default_rng(seed)
    image = np.kron(generator.integers(0, 200, (4, 5, 3)), np.ones((20, 20, 1)))[:height, :width]
    image = (image + generator.integers(0, 30, image.shape)).astype(np.uint8)
    labels = felzenszwalb(image, 30, 0.5, 3)
    return labels, to_colour_space(image, "rgb" if channels == 3 else "gray")


def assert_same(ours, theirs):
    for name in ("labels", "merges", "similarity", "sizes", "boxes"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert a.dtype == b.dtype and torch.equal(a, b), name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, case):
    labels, image, kinds = case.args
    arguments = torch.tensor(labels), torch.tensor([image], dtype=torch.uint8), (kinds,)
    (tree,) = form(*arguments)
    assert [tuple(pair) for pair in tree.merges.tolist()] == case.expected
    assert torch.equal(merge_regions(*arguments)[0].merges, tree.merges)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2), (30, 41)])
@pytest.mark.parametrize("channels", [1, 3])
def test_forms_agree(form, size, channels):
    labels, planes = segmented(*size, channels, seed=size[1])
    for ours, expected in zip(
        form(labels, planes, SETS), IMPLEMENTATIONS["loop"](labels, planes, SETS), strict=True
    ):
        assert_same(ours, expected)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 6), st.integers(1, 6), st.data(), st.integers(1, 2),
    st.sets(st.sampled_from(SIMILARITIES), min_size=1).map(tuple),
)  # fmt: skip
def test_every_form_merges_alike(height, width, data, channels, kinds):
    count = height * width
    numbers = data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    levels = data.draw(
        st.lists(st.sampled_from([0, 10, 11, 128, 255]), min_size=count, max_size=count)
    )
    # Regions need not be connected: any map of numbers without a gap will do.
    labels = torch.tensor(numbers).unique(return_inverse=True)[1].reshape(height, width)
    planes = torch.tensor([levels] * channels, dtype=torch.uint8).reshape(-1, height, width)
    (expected,) = IMPLEMENTATIONS["loop"](labels, planes, (kinds,))
    assert len(expected.merges) == int(labels.max())
    if native.missing("cpu") is None:
        assert_same(IMPLEMENTATIONS["native"](labels, planes, (kinds,))[0], expected)


@pytest.mark.parametrize("kinds", [SIMILARITIES, ("fill",), ("size", "fill")])
def test_a_background_with_many_spots(form, kinds):
    spots = torch.arange(1, 101).reshape(10, 10)
    labels = torch.zeros(30, 30, dtype=torch.int64)
    labels[1::3, 1::3] = spots
    planes = (labels * 37 % 256).byte()[None]
    (tree,) = form(labels, planes, (kinds,))
    assert_same(tree, IMPLEMENTATIONS["loop"](labels, planes, (kinds,))[0])
    assert len(tree.merges) == 100 and (tree.merges.amax(1)[1:] == torch.arange(101, 200)).all()


def test_a_tree_tells_the_truth(form):
    """Sizes and boxes of every region are those of the pixels that labels_after shows."""
    labels, planes = segmented(30, 41)
    (tree,) = form(labels, planes)
    first = int(labels.max()) + 1
    assert len(tree.merges) == first - 1 and len(tree.sizes) == len(tree.boxes) == 2 * first - 1
    assert torch.equal(tree.labels_after(0), labels)
    assert sorted(tree.merges.flatten().tolist()) == list(range(2 * first - 2))
    for t in range(first):
        shown = tree.labels_after(t)
        assert len(shown.unique()) == first - t
        for number in shown.unique().tolist() if t % 7 == 0 else [first + t - 1]:
            y, x = (shown == number).nonzero().T
            assert len(y) == tree.sizes[number]
            box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            assert tree.boxes[number].tolist() == torch.stack(box).tolist()
    assert tree.boxes[-1].tolist() == [0, 0, 41, 30] and tree.sizes[-1] == 30 * 41


def test_each_merge_was_the_best_there_was():
    """An outside reading of the definition: compare all pairs that touch, at every step."""
    from edudet.proposals.region_similarity import region_similarity, regions_of

    labels, planes = segmented(12, 41, seed=5)
    (tree,) = merge_regions(labels, planes)
    regions = dict(enumerate(regions_of(labels, planes)))
    for t, (a, b) in enumerate(tree.merges.tolist()):
        shown = tree.labels_after(t)
        alike = {}
        for here, there in (
            (shown[:, :-1], shown[:, 1:]), (shown[:-1], shown[1:]),
            (shown[:-1, :-1], shown[1:, 1:]), (shown[:-1, 1:], shown[1:, :-1]),
        ):  # fmt: skip
            touching = torch.stack([here.flatten(), there.flatten()], 1).unique(dim=0)
            for i, j in touching[touching[:, 0] != touching[:, 1]].tolist():
                pair = min(i, j), max(i, j)
                alike[pair] = region_similarity(regions[i], regions[j], labels.numel())
        assert min(alike, key=lambda pair: (-alike[pair], pair)) == (a, b)
        assert tree.similarity[t] == alike[a, b]
        regions[len(regions)] = regions[a].merged(regions[b])


def test_registration():
    require_native("merge_regions", "cpu")
    labels, planes = segmented(10, 12)
    arguments = labels, planes, gaussian_taps(1.0), [15, 8]
    torch.library.opcheck(torch.ops.edudet.merge_regions.default, arguments)


def test_layouts(form):
    labels, planes = segmented(20, 31)
    (expected,) = form(labels, planes)
    strided = planes.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    (tree,) = form(labels.T.contiguous().T, strided)
    assert_same(tree, expected)


def test_labels_after_refuses():
    (tree,) = merge_regions(*segmented(20, 31))
    with pytest.raises(ValueError, match=r"num_merges must lie in \[0, \d+\], got -1"):
        tree.labels_after(-1)
    with pytest.raises(TypeError, match=r"num_merges must be an int, got 1\.5"):
        tree.labels_after(1.5)


LABELS, PLANES = torch.zeros(2, 3, dtype=torch.int64), torch.zeros(1, 2, 3, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0]], PLANES), TypeError, "merge_regions: labels must be a Tensor, got list"),
        ((LABELS.int(), PLANES), ValueError, "labels must have dtype int64, got int32"),
        ((LABELS, PLANES.int()), ValueError, "planes must have dtype uint8, got int32"),
        ((LABELS[0], PLANES), ValueError, r"labels must have shape \(H, W\) and 1 to .*, got \(3,"),
        ((LABELS[:0], PLANES[:, :0]), ValueError, r"labels must have .* got \(0, 3\)"),
        ((LABELS, PLANES[:, :1]), ValueError, r"planes must have shape \(C, H, W\) .*\(1, 1, 3\)"),
        ((LABELS, PLANES[:0]), ValueError, r"planes must have .* got \(0, 2, 3\)"),
        ((LABELS + 1, PLANES), ValueError, r"labels must be 0, 1, \.\.\. without a gap"),
        ((LABELS - 1, PLANES), ValueError, r"labels must be 0, 1, \.\.\. without a gap"),
        ((LABELS, PLANES, (("hue",),)), ValueError, r"similarities must be sets of .*\('hue',\)"),
        ((LABELS, PLANES, ("size",)), ValueError, "similarities must be sets of .*, got 'size'"),
        ((LABELS, PLANES, ((),)), ValueError, r"similarities must be sets of .*, got \(\)"),
    ],
)
@pytest.mark.parametrize("built", [True, False])
def test_errors(monkeypatch, arguments, error, message, built):
    if not built:
        monkeypatch.setattr(native, "obstacle", lambda *_: "not built")
    with pytest.raises(error, match=message):
        merge_regions(*arguments)
