import contextlib
import copy
import io
import os

import numpy as np
import pytest
import torch

from conftest import require
from edudet import native
from edudet.cases.metrics.coco_metrics import CASES, MISTAKES, found, truth
from edudet.metrics import coco_evaluate, coco_metrics, rle_encode
from edudet.metrics.coco import IMPLEMENTATIONS, coco_problem
from edudet.metrics.coco_overlaps import overlaps_loop
from edudet.metrics.coco_records import read_coco

SETS = int(os.environ.get("EDUDET_COCO_SETS", "50"))  # random data sets of each kind
KINDS = {"box": "bbox", "mask": "segm", "keypoints": "keypoints"}


@pytest.mark.parametrize("form", IMPLEMENTATIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(monkeypatch, form, case):
    if form == "native":
        require(native.missing("cpu"), "native")
    monkeypatch.setitem(coco_metrics.__globals__, "evaluate_native", IMPLEMENTATIONS[form])
    metrics = coco_metrics(*case.args)
    assert {name: metrics[name] for name in case.expected} == pytest.approx(case.expected)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    def right(case):
        numbers = mistake(*case.args)
        return {name: numbers[name] for name in case.expected} == pytest.approx(case.expected)

    assert not all(right(case) for case in CASES)


def random_region(rng, size):
    corner = rng.integers(0, size, 2) / rng.choice([1, 2, 4])
    sides = rng.integers(0, size, 2) * rng.choice([1, 0.5, 0.1])
    return [*corner.tolist(), *sides.tolist()]


def segmentation(rng, box, size, polygon):
    """The mask of a box, a bit frayed, in one of COCO's three forms."""
    x, y, w, h = box
    if polygon and rng.random() < 0.5:
        corners = [x, y, x + w, y, x + w, y + h * rng.random(), x, y + h]
        return [corners] if rng.random() < 0.8 else [corners, [y, x, x + 5, y, x, y + 5]]
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[int(y) : int(y + h), int(x) : int(x + w)] = True
    mask &= torch.from_numpy(rng.random((size, size)) < rng.choice([1, 1, 0.9]))
    rle = rle_encode(mask)
    if rng.random() < 0.5:
        runs = np.diff(np.flatnonzero(np.diff(mask.T.flatten().int(), prepend=0)), prepend=0)
        rle["counts"] = [*runs.tolist(), mask.numel() - int(runs.sum())]
    return rle


def random_set(rng, kind):
    """Few images and classes, many ties, duplicates, crowds, empty boxes, empty classes."""
    size = int(rng.choice([40, 120] if kind == "mask" else [40, 120, 400]))
    images = rng.permutation(1000)[: rng.integers(1, 6)].tolist()
    categories = rng.permutation(90)[: rng.integers(1, 5)].tolist()

    def place():
        return {
            "image_id": int(rng.choice(images)), "category_id": int(rng.choice(categories)),
            "bbox": random_region(rng, size),
        }  # fmt: skip

    def add_region(record, crowd=False):
        box, extra = record["bbox"], {}
        if kind == "mask":
            extra["segmentation"] = segmentation(rng, box, size, "score" not in record)
        if kind == "keypoints":
            points = rng.random((17, 2)) * box[2:] + box[:2]
            points = np.round(points) if rng.random() < 0.5 else points
            visible = rng.integers(0, 3, 17) * (rng.random() < 0.9)
            extra["keypoints"] = np.column_stack([points, visible]).reshape(-1).tolist()
            extra["num_keypoints"] = int((visible > 0).sum() * (rng.random() < 0.9))
        return record | extra

    annotations = []
    for n in range(rng.integers(1, 30 if kind != "mask" else 12)):
        record = place()
        w, h = record["bbox"][2:]
        record |= {
            "id": n + 1, "iscrowd": int(rng.random() < 0.15),
            "area": float(rng.choice([w * h, 1024, 9216, 0.7 * w * h])),
        }  # fmt: skip
        annotations.append(add_region(record))
    detections = []
    with_boxes = kind == "box" or rng.random() < 0.5
    most = int(rng.choice([10, 60, 400] if kind != "mask" else [10, 40]))
    for _ in range(rng.integers(1, most)):
        near, record = annotations[rng.integers(len(annotations))], place()
        if rng.random() < 0.7:
            shift = rng.integers(-3, 4, 4) * rng.choice([0, 1, 1, size / 40])
            record["bbox"] = np.maximum(np.array(near["bbox"]) + shift, 0).tolist()
        record["image_id"] = near["image_id"] if rng.random() < 0.9 else record["image_id"]
        record["category_id"] = near["category_id"] if rng.random() < 0.9 else record["category_id"]
        record["score"] = float(rng.random() if rng.random() < 0.5 else rng.integers(0, 5) / 4)
        record = add_region(record)
        if kind == "keypoints" and rng.random() < 0.7:
            jitter = rng.normal(size=51) * rng.choice([0, 1, size / 40])
            record["keypoints"] = (np.array(near["keypoints"]) + jitter).tolist()
        if not with_boxes:
            del record["bbox"]
        if kind == "mask" and isinstance(record["segmentation"], dict) and not with_boxes:
            counts = record["segmentation"]["counts"]
            if not isinstance(counts, str):  # pycocotools cannot take the area of these
                mask = torch.zeros(size * size, dtype=torch.bool)
                ends = np.cumsum(counts)
                for begin, end in zip(ends[::2], ends[1::2], strict=False):
                    mask[begin:end] = True
                record["segmentation"] = rle_encode(mask.reshape(size, size).T)
        detections.append(record)
    return {
        "images": [{"id": i, "height": size, "width": size} for i in images],
        "categories": [{"id": i} for i in categories],
        "annotations": annotations,
    }, detections


def peer_evaluation(ground_truth, detections, kind, limits=None):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        peer = COCO()
        peer.dataset = copy.deepcopy(ground_truth)
        peer.createIndex()
        evaluation = COCOeval(peer, peer.loadRes(copy.deepcopy(detections)), KINDS[kind])
        if limits:
            evaluation.params.maxDets = limits
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("kind", KINDS)
def test_pycocotools_agrees(kind):
    pytest.importorskip("pycocotools")
    for seed in range(SETS):
        ground_truth, detections = random_set(np.random.default_rng(seed), kind)
        theirs = peer_evaluation(ground_truth, detections, kind)
        ours = coco_evaluate(ground_truth, detections, kind)
        for name in ("precision", "recall"):
            np.testing.assert_allclose(
                getattr(ours, name), theirs.eval[name], rtol=0, atol=1e-12, err_msg=str(seed)
            )
        values = list(coco_metrics(ground_truth, detections, kind).values())
        np.testing.assert_allclose(values, theirs.stats, rtol=0, atol=1e-12, err_msg=str(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_the_loops_agree(kind):
    require(native.missing("cpu"), "native")
    for seed in range(4):
        ground_truth, detections = random_set(np.random.default_rng(1000 + seed), kind)
        data = read_coco("f", ground_truth, detections[:60], kind)
        problem = coco_problem(data, kind, [1, 3, 10], ["all", "small"])
        looped = coco_problem(data, kind, [1, 3, 10], ["all", "small"], overlaps=overlaps_loop)
        for ours, theirs in zip(problem, looped, strict=True):
            assert np.array_equal(ours, theirs)
        results = [form(problem) for form in IMPLEMENTATIONS.values()]
        for one, other in zip(*results, strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_kernels(kind, monkeypatch):
    ground_truth, detections = random_set(np.random.default_rng(2), kind)
    expected = coco_metrics(ground_truth, detections[:20], kind)
    monkeypatch.setattr(native, "missing", lambda name: f"the {name} kernels are not built")
    monkeypatch.setattr(native, "kernel", lambda op: pytest.fail(f"{op} was called"))
    assert coco_metrics(ground_truth, detections[:20], kind) == expected


def test_the_order_of_classes_images_and_annotations_does_not_matter():
    ground_truth, detections = random_set(np.random.default_rng(5), "box")
    for i, record in enumerate(detections):
        record["score"] += i / 1000  # no ties
    rng, before = np.random.default_rng(0), coco_metrics(ground_truth, detections)
    for part in (*ground_truth.values(), detections):
        rng.shuffle(part)
    assert coco_metrics(ground_truth, detections) == pytest.approx(before, abs=1e-12)


def test_input_is_left_as_it_was_and_threads_do_not_matter():
    ground_truth, detections = random_set(np.random.default_rng(6), "mask")
    copies = copy.deepcopy((ground_truth, detections))
    threads, results = torch.get_num_threads(), []
    for count in (1, 4):
        torch.set_num_threads(count)
        results.append(coco_metrics(ground_truth, detections, "mask"))
    torch.set_num_threads(threads)
    assert (ground_truth, detections) == copies and results[0] == results[1]


def test_evaluation_by_class():
    two = truth((1, [0, 0, 9, 9]), (1, [50, 0, 9, 9], {"category_id": "b"}), categories=("b", "a"))
    two["annotations"][0]["category_id"] = "a"
    result = coco_evaluate(two, found((1, [0, 0, 9, 9], 0.5, "a")))
    assert result.category_ids == ["a", "b"] and result.precision.shape == (10, 101, 2, 4, 3)
    assert [result.per_class[id_]["AP"] for id_ in "ab"] == [1, 0]
    assert result.metrics["AP"] == 0.5 and result.recall.shape == (10, 2, 4, 3)


def test_pycocotools_knows_only_limits_of_100():
    """There, AP is looked up where the limit is 100: -1 if none is."""
    pytest.importorskip("pycocotools")
    ground_truth, detections = random_set(np.random.default_rng(7), "box")
    ours = coco_evaluate(ground_truth, detections, max_detections=[1, 10, 50])
    theirs = peer_evaluation(ground_truth, detections, "box", [1, 10, 50])
    assert theirs.stats[0] == -1 and ours.metrics["AP"] > 0
    assert list(ours.metrics.values())[1:] == pytest.approx(theirs.stats[1:].tolist(), abs=1e-12)
    assert [*ours.metrics][6:9] == ["AR_1", "AR_10", "AR_50"]
    np.testing.assert_allclose(ours.precision, theirs.eval["precision"], atol=1e-12)


def test_pycocotools_does_not_find_the_object_0():
    pytest.importorskip("pycocotools")
    case = next(case for case in CASES if case.name == "an id of 0")
    assert peer_evaluation(*case.args, "box").stats[0] == 0
    assert coco_metrics(*case.args)["AP"] == 1


def test_other_skeletons():
    box = [0.0, 0.0, 40.0, 40.0]
    record = {"image_id": 1, "category_id": 1, "bbox": box, "keypoints": [10, 10, 2, 30, 30, 1]}
    ground_truth = truth()
    ground_truth["annotations"] = [{**record, "area": 1600, "iscrowd": 0}]
    metrics = coco_evaluate(
        ground_truth, [{**record, "score": 0.5}], "keypoints", sigmas=[0.1, 0.2]
    ).metrics
    assert metrics["AP"] == 1 and metrics["AP_large"] == -1 and len(metrics) == 10


def test_empty():
    for nothing in (truth(images=()), truth(categories=()), truth(images=(), categories=())):
        assert set(coco_metrics(nothing, []).values()) == {-1}


def test_progress():
    case = CASES[0]
    assert coco_metrics(*case.args, progress=True) == coco_metrics(*case.args)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"progress": 1}, TypeError, "progress must be a bool, got 1"),
        ({"max_detections": [10, 1]}, ValueError, r"max_detections must be positive and rising"),
        ({"max_detections": [0, 1]}, ValueError, r"max_detections must be positive and rising"),
        ({"max_detections": [1.5]}, TypeError, r"max_detections\[0\] must be an int, got 1.5"),
        ({"max_detections": []}, ValueError, "max_detections must be positive and rising, got"),
        ({"sigmas": [0.1, -1]}, ValueError, r"sigmas must be positive numbers, got \[0.1, -1\]"),
        ({"kind": "boxes"}, ValueError, "kind must be one of box, mask, keypoints, got 'boxes'"),
    ],
)
def test_errors(change, error, message):
    arguments = {"ground_truth": truth(), "detections": []} | change
    with pytest.raises(error, match="^coco_evaluate: " + message):
        coco_evaluate(**arguments)
