import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.metrics.oks import CASES, MISTAKES
from edudet.metrics import coco_overlaps, oks
from edudet.metrics.oks import COCO_SIGMAS, IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def arguments(case, device="cpu"):
    truth, visible, areas, found, sigmas, boxes = case.args
    k = len(sigmas)
    return (
        torch.tensor(truth, dtype=torch.float32, device=device).reshape(-1, k, 2),
        torch.tensor(visible, device=device).reshape(-1, k),
        torch.tensor(areas, device=device),
        torch.tensor(found, dtype=torch.float32, device=device).reshape(-1, k, 2),
        torch.tensor(sigmas, device=device),
        None if boxes is None else torch.tensor(boxes, device=device),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    got = form(*arguments(case, device)).cpu()
    expected = torch.tensor(case.expected, dtype=torch.double)
    assert_close(got, expected.reshape(len(case.args[0]), len(case.args[3])), rtol=1e-12, atol=0)
    assert_close(oks(*arguments(case, device)).cpu(), got)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        got, expected = np.array(MISTAKES[mistake](*case.args)), np.array(case.expected)
        return got.shape != expected.shape or not np.allclose(got, expected, atol=1e-6)

    assert any(differs(case) for case in CASES), "no case bites"


def random_poses(n, m, seed):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 64, (n, 17, 2)).astype(float)
    visible = generator.integers(0, 3, (n, 17))
    visible[generator.random(n) < 0.3] = 0  # COCO takes the box for those
    found = generator.integers(0, 256, (m, 17, 2)) / 4
    corners = generator.integers(0, 64, (n, 2))
    boxes = np.concatenate([corners, corners + generator.integers(0, 64, (n, 2))], 1)
    areas = generator.integers(0, 2000, n) / 2
    return truth, visible, areas, found, boxes


def of_pycocotools(truth, visible, areas, found, boxes):
    coco_eval = pytest.importorskip("pycocotools.cocoeval")
    evaluation = coco_eval.COCOeval(iouType="keypoints")
    evaluation._gts[1, 1] = [
        {
            "keypoints": np.concatenate([points, flags[:, None]], 1).flatten().tolist(),
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "area": area,
        }
        for points, flags, area, box in zip(truth, visible, areas, boxes, strict=True)
    ]
    evaluation._dts[1, 1] = [  # falling scores keep the order
        {
            "keypoints": np.concatenate([points, np.ones((17, 1))], 1).flatten().tolist(),
            "score": -float(i),
        }
        for i, points in enumerate(found)
    ]
    evaluation.params.maxDets = [1000]
    return np.array(evaluation.computeOks(1, 1)).T


@pytest.mark.parametrize("seed", range(8))
def test_pycocotools_agrees(seed):
    poses = random_poses(1 + seed % 4, 1 + seed, seed)
    expected = of_pycocotools(*poses)
    truth, visible, areas, found, boxes = (torch.tensor(x) for x in poses)
    got = oks(truth, visible, areas, found, gt_boxes=boxes)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-300)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 9), st.booleans())
def test_forms_agree(n, m, seed, with_boxes):
    truth, visible, areas, found, boxes = (torch.tensor(x) for x in random_poses(n, m, seed))
    found[torch.rand(m, 17, generator=torch.Generator().manual_seed(seed)) < 0.1] = math.nan
    sigmas = torch.tensor(COCO_SIGMAS, dtype=torch.double)
    results = [
        form(truth, visible, areas, found, sigmas, boxes if with_boxes else None)
        for form in IMPLEMENTATIONS.values()
    ]
    assert_close(*results, rtol=1e-12, atol=1e-300)
    assert ((results[0] >= 0) & (results[0] <= 1)).all() and results[0].shape == (n, m)


def test_properties(form):
    truth, _, areas, found, _ = (torch.tensor(x) for x in random_poses(3, 4, 1))
    visible = torch.ones(3, 17, dtype=torch.bool)
    sigmas = torch.tensor(COCO_SIGMAS)
    got = form(truth, visible, areas + 1, found, sigmas)
    assert_close(form(truth + 7, visible, areas + 1, found + 7, sigmas), got)
    assert_close(form(3 * truth, visible, 9 * (areas + 1), 3 * found, sigmas), got)
    assert_close(form(truth, visible, areas, truth, sigmas).diagonal(), torch.ones(3).double())


pose = torch.zeros(2, 17, 2)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"keypoints": pose[:, :3]}, ValueError, r"keypoints must have shape \(M, 17, 2\), got"),
        ({"visible": torch.ones(2)}, ValueError, r"visible must have shape \(2, 17\), got \(2,\)"),
        ({"areas": torch.ones(3)}, ValueError, r"areas must have shape \(2,\), got \(3,\)"),
        ({"areas": torch.tensor([1.0, -1])}, ValueError, "areas must be at least 0, got -1"),
        ({"areas": 5.0}, TypeError, "areas must be a Tensor, got float"),
        ({"sigmas": torch.ones(3)}, ValueError, "sigmas must be 17 numbers above 0"),
        ({"gt_boxes": torch.ones(1, 4)}, ValueError, r"gt_boxes must have shape \(2, 4\), got"),
        ({"gt_keypoints": pose / 0}, ValueError, r"gt_keypoints\[0, 0\] must be finite where vis"),
    ],
)
def test_errors(changed, error, message):
    arguments = {
        "gt_keypoints": pose,
        "visible": torch.ones(2, 17),
        "areas": torch.ones(2),
        "keypoints": pose,
        **changed,
    }
    with pytest.raises(error, match="oks: " + message):
        oks(**arguments)


def test_the_similarity_in_coco_metrics_is_the_same():
    """It has pycocotools' order of operations, for the last bit; oks has its own, and takes NaN."""
    truth, visible, areas, found, boxes = random_poses(4, 5, 0)
    got = oks(*map(torch.tensor, (truth, visible, areas, found)), gt_boxes=torch.tensor(boxes))
    xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).astype(float)
    every = coco_overlaps.Pairs(4 * np.arange(6), np.zeros(5, dtype=np.int64))
    objects = coco_overlaps.Regions(
        np.concatenate([truth, visible[:, :, None]], 2), np.zeros(4, dtype=bool), areas, xywh
    )
    detections = coco_overlaps.Regions(np.concatenate([found, np.ones((5, 17, 1))], 2))
    for form in coco_overlaps.IMPLEMENTATIONS.values():
        similarity = form("keypoints", objects, detections, every)
        np.testing.assert_allclose(got.T.flatten(), similarity, rtol=1e-12, atol=1e-300)
