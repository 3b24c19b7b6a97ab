import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.metrics.proposal_recall import CASES, MISTAKES
from edudet.metrics import average_recall, proposal_recall
from edudet.metrics.proposal_recall import IMPLEMENTATIONS, IOU_THRESHOLDS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def tensors(images, dtype=torch.float32):
    return [torch.tensor(boxes, dtype=dtype).reshape(-1, 4) for boxes in images]


def random_images(num_images, most, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    images = []
    for _ in range(num_images):
        n = int(torch.randint(0, most + 1, (), generator=generator))
        corner = torch.randint(0, 12, (n, 2), generator=generator)
        sides = torch.randint(0, 9, (n, 2), generator=generator)
        images.append(torch.cat([corner, corner + sides], 1).to(dtype))
    return images


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, case):
    gt_boxes, proposals, counts, threshold = case.args
    arguments = tensors(gt_boxes), tensors(proposals), counts, threshold
    recall = form(*arguments)
    assert recall.tolist() == case.expected and recall.dtype == torch.float64
    assert proposal_recall(*arguments).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 3), st.integers(0, 5), st.integers(0, 2**31),
    st.sampled_from([0.0, 0.2, 0.5, 0.6, 1.0]),
    st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]),
)  # fmt: skip
def test_forms_agree(num_images, most, seed, threshold, dtype):
    proposals = random_images(num_images, 2 * most, seed, dtype)
    gt_boxes = random_images(num_images, most, seed + 1, dtype)
    counts = [0, 1, 3, 100]
    loop, vectorized = (f(gt_boxes, proposals, counts, threshold) for f in IMPLEMENTATIONS.values())
    assert_close(loop, vectorized, rtol=1e-15, atol=0)


def scattered(seed):
    """Six objects of an image, far apart, and six proposals around them in any order: (6, 4)."""
    generator = torch.Generator().manual_seed(seed)
    corner = 100 * torch.randperm(9, generator=generator)[:6, None].expand(6, 2)
    size = torch.randint(8, 60, (6, 2), generator=generator)
    gt_boxes = torch.cat([corner, corner + size], 1).double()
    proposals = gt_boxes + torch.randint(-3, 4, (6, 4), generator=generator)
    return gt_boxes, proposals[torch.randperm(6, generator=generator)]


def test_coco_finds_the_same_recall():
    """COCO counts a detection for one object only; far apart, no proposal serves two."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is a peer")
    cocoeval = pytest.importorskip("pycocotools.cocoeval", reason="pycocotools is a peer")
    gt_boxes, proposals = zip(*map(scattered, range(4)), strict=True)
    annotations, detections = [], []
    for image in range(4):
        for rank in range(6):
            for boxes, rows in ((gt_boxes, annotations), (proposals, detections)):
                x1, y1, x2, y2 = boxes[image][rank].tolist()
                rows.append({"image_id": image + 1, "category_id": 1, "score": 1 - rank / 10,
                             "bbox": [x1, y1, x2 - x1, y2 - y1], "id": len(rows) + 1,
                             "area": (x2 - x1) * (y2 - y1), "iscrowd": 0})  # fmt: skip
    truth = coco.COCO()
    truth.dataset = {"images": [{"id": i} for i in range(1, 5)], "categories": [{"id": 1}],
                     "annotations": annotations}  # fmt: skip
    truth.createIndex()
    evaluation = cocoeval.COCOeval(truth, truth.loadRes(detections), "bbox")
    evaluation.params.maxDets = [1, 3, 100]
    evaluation.evaluate()
    evaluation.accumulate()
    expected = torch.from_numpy(evaluation.eval["recall"][:, 0, 0])  # (thresholds, maxDets)
    got = [proposal_recall(gt_boxes, proposals, [1, 3, 100], t) for t in IOU_THRESHOLDS]
    assert 0 < expected.mean() < expected.max()
    assert_close(torch.stack(got), expected)
    assert_close(average_recall(gt_boxes, proposals, [1, 3, 100]), expected.mean(0))


def test_average_recall_is_the_mean():
    proposals, gt_boxes = random_images(4, 30), random_images(4, 8, seed=1)
    recalls = [proposal_recall(gt_boxes, proposals, [5, 30], t) for t in IOU_THRESHOLDS]
    assert_close(average_recall(gt_boxes, proposals, [5, 30]), torch.stack(recalls).mean(0))
    assert average_recall([], [], [1]).tolist() == [-1]
    assert IOU_THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@pytest.mark.parametrize("percent", range(50, 100, 5))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_iou_equal_to_the_threshold_is_found(form, percent, dtype):
    proposals = tensors([[[0, 0, percent, 1]], []], dtype)
    gt_boxes = tensors([[[0, 0, 100, 1]], []], dtype)
    assert form(gt_boxes, proposals, [1], percent / 100).item() == 1


def test_recall_grows_with_the_number_and_falls_with_the_threshold():
    proposals, gt_boxes = random_images(6, 40, seed=4), random_images(6, 9, seed=5)
    table = torch.stack(
        [proposal_recall(gt_boxes, proposals, [1, 5, 10, 40], t) for t in (0.3, 0.5, 0.9)]
    )
    assert (table.diff(dim=1) >= 0).all() and (table.diff(dim=0) <= 0).all()
    assert table[0, -1] > table[0, 0] and table[0, -1] > table[2, -1]


def test_no_gradient_flows(form):
    boxes = torch.tensor([[0.0, 0, 4, 4]], requires_grad=True)
    assert not form([boxes], [boxes]).requires_grad


ONE = torch.tensor([[0.0, 0, 4, 4]])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([ONE], ONE), TypeError, "proposals must be a list of Tensors, .*, got Tensor"),
        (({}, [ONE]), TypeError, "gt_boxes must be a list of Tensors, .*, got dict"),
        (([ONE], []), ValueError, "proposals must be as many as gt_boxes, 1, got 0"),
        (([ONE], [[ONE]]), TypeError, r"proposals\[0\] must be a Tensor, got list"),
        (([ONE[0]], [ONE]), ValueError, r"gt_boxes\[0\] must have shape \(N, 4\), got \(4,\)"),
        (([ONE], [ONE.double()]), ValueError, r"proposals\[0\] must have the dtype of gt_boxes"),
        (([ONE.int()], [ONE.int()]), ValueError, r"gt_boxes\[0\] must have dtype .* got int32"),
        (([ONE], [ONE], [1.5]), TypeError, "counts must be an int, got 1.5"),
        (([ONE], [ONE], [-1]), ValueError, "counts must be finite and at least 0, got -1"),
        (([ONE], [ONE], 5), TypeError, "counts must be a list of ints, got 5"),
        (([ONE], [ONE], [1], 2), ValueError, r"iou_threshold must lie in \[0, 1\], got 2"),
        (([ONE], [ONE[:, [2, 1, 0, 3]]]), ValueError, "must have x1 <= x2 and y1 <= y2"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        proposal_recall(*arguments)


def test_errors_of_the_average():
    with pytest.raises(ValueError, match="iou_thresholds must hold at least one, got none"):
        average_recall([ONE], [ONE], [1], [])
    with pytest.raises(ValueError, match=r"iou_thresholds must lie in \[0, 1\], got 50"):
        average_recall([ONE], [ONE], [1], [50])
