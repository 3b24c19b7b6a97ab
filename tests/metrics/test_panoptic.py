import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edudet.cases.metrics.panoptic import CASES, MISTAKES
from edudet.metrics import panoptic_quality
from edudet.metrics.panoptic import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def info(segments):
    return [
        {"id": name, "category_id": category, "iscrowd": crowd}
        for name, (category, crowd) in segments.items()
    ]


def images_of(rows, device="cpu"):
    """Two lists of images, of the truth and of the prediction."""
    truth = [(torch.tensor([row[0]], device=device), info(row[1])) for row in rows]
    found = [(torch.tensor([row[2]], device=device), info(row[3])) for row in rows]
    return truth, found


def scores(report):
    return [report[name] for name in ("PQ", "SQ", "RQ")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    got = form(*images_of(*case.args, device))
    assert scores(got) == pytest.approx(case.expected, nan_ok=True)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(
        MISTAKES[mistake](*case.args) != pytest.approx(case.expected, nan_ok=True) for case in CASES
    ), "no case bites"


def random_image(generator, classes=3, side=9):
    """Patches pasted over each other; some become void, one a class's crowd."""

    def painted(shift):
        segment_map = np.zeros((side, side), int)
        for k in range(5):
            x, y = corners[k] + shift[k]
            segment_map[max(y, 0) : y + 4, max(x, 0) : x + 4] = ids[k]
        return segment_map

    corners = generator.integers(0, side - 2, (5, 2))
    ids = generator.choice(2**24 - 1, 5, replace=False) + 1  # as colours
    categories = generator.integers(0, classes, 5)
    maps = [painted(np.zeros((5, 2), int)), painted(generator.integers(-1, 2, (5, 2)))]
    maps[0][:, : generator.integers(0, 3)] = 0
    segments = []
    for segment_map, changed in zip(maps, (0.0, 0.2), strict=True):
        present = [k for k in range(5) if ids[k] in segment_map]
        flips = generator.random(5) < changed
        segments.append(
            {int(ids[k]): (int(categories[k] + flips[k]) % classes, 0) for k in present}
        )
    if segments[0]:
        crowd = next(iter(segments[0]))
        segments[0][crowd] = (segments[0][crowd][0], int(generator.integers(0, 2)))
    return maps[0], segments[0], maps[1], segments[1]


def by_masks(images, classes):
    """An outside witness, from panopticapi's description: every segment as a mask of its own."""
    report = {}
    for c in range(classes):
        iou = tp = fp = fn = 0
        for gt_map, gt_segments, segment_map, segments in images:
            void = gt_map == 0
            crowd = np.isin(gt_map, [g for g, about in gt_segments.items() if about == (c, 1)])
            truth = [gt_map == g for g, about in gt_segments.items() if about == (c, 0)]
            found = [segment_map == p for p, (category, _) in segments.items() if category == c]
            best = np.zeros((len(truth) + 1, len(found) + 1))
            for i, a in enumerate(truth):
                for j, b in enumerate(found):
                    best[i, j] = (a & b).sum() / (a | (b & ~void)).sum()
            hits = best > 0.5
            assert (hits.sum(0) <= 1).all() and (hits.sum(1) <= 1).all()
            iou, tp = iou + best[hits].sum(), tp + hits.sum()
            fn += len(truth) - hits.sum()
            fp += sum(
                not hits[:, j].any() and (b & (void | crowd)).sum() <= b.sum() / 2
                for j, b in enumerate(found)
            )
        if tp + fp + fn:
            found = tp + fp / 2 + fn / 2
            report[c] = [iou / found, iou / tp if tp else 0.0, tp / found, tp, fp, fn]
    return report


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(0, 3))
def test_forms_agree_with_each_other_and_with_masks(seed, count):
    generator = np.random.default_rng(seed)
    images = [random_image(generator) for _ in range(count)]
    truth = [(torch.tensor(image[0]), info(image[1])) for image in images]
    found = [(torch.tensor(image[2]), info(image[3])) for image in images]
    loop, vectorized = (form(truth, found, things=[0, 1]) for form in IMPLEMENTATIONS.values())
    assert loop["per_class"] == vectorized["per_class"]
    expected = by_masks(images, 3)
    assert set(loop["per_class"]) == set(expected)
    for category, values in expected.items():
        assert list(loop["per_class"][category].values()) == pytest.approx(values, rel=1e-12)
    for suffix, group in (("", [0, 1, 2]), ("_things", [0, 1]), ("_stuff", [2])):
        rows = [expected[c][:3] for c in group if c in expected]
        means = np.mean(rows, axis=0) if rows else [np.nan] * 3
        got = [loop[name + suffix] for name in ("PQ", "SQ", "RQ")]
        assert got == pytest.approx(means, rel=1e-12, nan_ok=True)


def test_quality_is_a_product_in_every_class():
    generator = np.random.default_rng(1)
    images = [random_image(generator) for _ in range(20)]
    report = panoptic_quality(
        [(torch.tensor(image[0]), info(image[1])) for image in images],
        [(torch.tensor(image[2]), info(image[3])) for image in images],
    )
    assert len(report["per_class"]) == 3 and "PQ_things" not in report
    for row in report["per_class"].values():
        assert row["PQ"] == pytest.approx(row["SQ"] * row["RQ"]) and row["TP"] > 0


def test_truth_against_itself_is_perfect(form):
    generator = np.random.default_rng(2)
    images = [random_image(generator) for _ in range(5)]
    truth = [(torch.tensor(image[0]), info(image[1])) for image in images]
    assert scores(form(truth, truth)) == [1, 1, 1]


def test_crowds_of_one_class_add_up(form):
    """panopticapi remembers only the last crowd of a class; two halves excuse a prediction here."""
    rows = [([1, 2, 3, 3], {1: (1, 1), 2: (1, 1), 3: (1, 0)}, [1, 1, 3, 3], {1: (1, 0), 3: (1, 0)})]
    assert scores(form(*images_of(rows))) == [1, 1, 1]


def test_iscrowd_may_be_left_out_and_dtypes_differ(form):
    segments = [{"id": 1, "category_id": "cat"}]
    truth = [(torch.tensor([[1, 0]], dtype=torch.uint8), segments)]
    found = [(torch.tensor([[1, 1]], dtype=torch.int64), segments)]
    assert form(truth, found)["per_class"] == {
        "cat": {"PQ": 1, "SQ": 1, "RQ": 1, "TP": 1, "FP": 0, "FN": 0}
    }


def changed(gt_map=((1, 2),), gt_segments=(1, 2), segment_map=((1, 2),), segments=(1, 2)):
    def image(rows, names):
        return torch.tensor(rows), [{"id": name, "category_id": 1} for name in names]

    return lambda: panoptic_quality([image(gt_map, gt_segments)], [image(segment_map, segments)])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: panoptic_quality([], [(torch.zeros(1, 1).int(), [])]),
            ValueError,
            "predictions must be as many images as ground_truth, 0, got 1",
        ),
        (
            changed(segment_map=((1, 2, 2),)),
            ValueError,
            r"predictions\[0\]\[0\] must have the shape of ground_truth\[0\]\[0\], \(1, 2\), got",
        ),
        (
            changed(gt_map=((1.0, 2.0),)),
            ValueError,
            r"ground_truth\[0\]\[0\] must have dtype uint8, .* got float32",
        ),
        (
            changed(gt_map=(1, 2), segment_map=(1, 2)),
            ValueError,
            r"ground_truth\[0\]\[0\] must have shape \(H, W\), got \(2,\)",
        ),
        (
            changed(segments=(1,)),
            ValueError,
            r"predictions\[0\]\[1\] must name every id of the map, got 2",
        ),
        (
            changed(segments=(1, 2, 3)),
            ValueError,
            r"predictions\[0\]\[1\] must name only ids of the map, got 3",
        ),
        (
            changed(gt_segments=(1, 2, 2)),
            ValueError,
            r"ground_truth\[0\]\[1\] must name each id once, got 2",
        ),
        (
            changed(gt_segments=(1, 2, 0)),
            ValueError,
            r"ground_truth\[0\]\[1\] must not name id 0, which is void",
        ),
        (
            lambda: panoptic_quality([([[1]], [])], [([[1]], [])]),
            TypeError,
            r"ground_truth\[0\]\[0\] must be a Tensor, got list",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match="panoptic_quality: " + message):
        call()
