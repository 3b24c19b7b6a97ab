import math

import numpy as np
import pytest
import torch

from edudet.cases.metrics.voc import CASES, MISTAKES
from edudet.metrics import voc_map


def images(ground_truth, detections, dtype=torch.float32):
    def boxes(rows):
        return torch.tensor([row[0] for row in rows], dtype=dtype).reshape(-1, 4)

    found = [
        {
            "boxes": boxes(rows),
            "scores": torch.tensor([r[1] for r in rows], dtype=dtype),
            "labels": torch.tensor([r[2] for r in rows], dtype=torch.int64),
        }
        for rows in detections
    ]
    truth = [
        {
            "boxes": boxes(rows),
            "labels": torch.tensor([r[1] for r in rows], dtype=torch.int64),
            "difficult": torch.tensor([len(r) > 2 for r in rows], dtype=torch.bool),
        }
        for rows in ground_truth
    ]
    return truth, found


def same(value, expected):
    if value is None or expected is None:
        return value is expected
    return value == pytest.approx(expected)


def fits(result, case):
    per_class, mean = result
    return (
        same(mean, case.expected[1])
        and per_class.keys() == case.expected[0].keys()
        and all(same(per_class[label], ap) for label, ap in case.expected[0].items())
    )


def none_for_nan(value):
    return None if math.isnan(value) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(case):
    result = voc_map(*images(*case.args[:2]), *case.args[2:])
    per_class = {label: none_for_nan(ap) for label, ap in result.per_class.items()}
    assert fits((per_class, none_for_nan(result.mean)), case)
    assert result.curves.keys() == per_class.keys()


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert not all(fits(mistake(*case.args), case) for case in CASES)


def devkit_ap(found, truth, label, threshold, year):
    """The evaluation of VOC's development kit, line by line, with widths x2 - x1."""
    npos, gt = 0, []
    for t in truth:
        mine = t["labels"] == label
        gt.append(
            (t["boxes"][mine].numpy(), t["difficult"][mine].numpy(), [False] * int(mine.sum()))
        )
        npos += int((~t["difficult"][mine]).sum())
    rows = [
        (float(s), i, b.numpy())
        for i, f in enumerate(found)
        for s, b, c in zip(f["scores"], f["boxes"], f["labels"], strict=True)
        if c == label
    ]
    rows.sort(key=lambda row: -row[0])
    tp, fp = np.zeros(len(rows)), np.zeros(len(rows))
    for d, (_, i, bb) in enumerate(rows):
        best, jmax = -math.inf, -1
        for j, g in enumerate(gt[i][0]):
            iw, ih = min(bb[2], g[2]) - max(bb[0], g[0]), min(bb[3], g[3]) - max(bb[1], g[1])
            if iw > 0 and ih > 0:
                ua = (bb[2] - bb[0]) * (bb[3] - bb[1]) + (g[2] - g[0]) * (g[3] - g[1]) - iw * ih
                if iw * ih / ua > best:
                    best, jmax = iw * ih / ua, j
        if best >= threshold:
            if not gt[i][1][jmax]:
                if not gt[i][2][jmax]:
                    tp[d], gt[i][2][jmax] = 1, True
                else:
                    fp[d] = 1
        else:
            fp[d] = 1
    tp, fp = tp.cumsum(), fp.cumsum()
    rec, prec = tp / max(npos, 1), tp / np.maximum(tp + fp, 1e-300)
    if not npos:
        return math.nan
    if year == 2007:
        return sum(max(prec[rec >= t / 10 - 1e-12], default=0) / 11 for t in range(11))
    mrec, mpre = np.r_[0, rec, 1], np.r_[0, prec, 0]
    for i in range(len(mpre) - 2, -1, -1):
        mpre[i] = max(mpre[i], mpre[i + 1])
    steps = np.nonzero(mrec[1:] != mrec[:-1])[0] + 1
    return float(((mrec[steps] - mrec[steps - 1]) * mpre[steps]).sum())


@pytest.mark.parametrize("year", [2007, 2010])
def test_the_development_kit_agrees(year):
    for seed in range(25):
        rng = np.random.default_rng(seed)

        def box(rng=rng):
            x, y, w, h = rng.integers(0, 8, 4)
            return [x, y, x + w + 1, y + h + 1]

        detections = [
            [(box(), rng.integers(0, 9) / 8, int(rng.integers(0, 3))) for _ in range(8)]
            for _ in range(4)
        ]
        ground_truth = [
            [
                (box(), int(rng.integers(0, 3)), *([True] if rng.random() < 0.2 else []))
                for _ in range(rng.integers(0, 7))
            ]
            for _ in range(4)
        ]
        truth, found = images(ground_truth, detections, torch.float64)
        result = voc_map(truth, found, 0.3, year)
        for label, ap in result.per_class.items():
            theirs = devkit_ap(found, truth, label, 0.3, year)
            assert ap == pytest.approx(theirs, abs=1e-12, nan_ok=True)


GOOD = images([[([0, 0, 1, 1], 1)]], [[([0, 0, 1, 1], 0.5, 1)]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"detections": GOOD[1][0]}, TypeError, "detections must be a list, .* got dict"),
        ({"detections": []}, ValueError, "detections must have as many images .* 1, got 0"),
        ({"detections": [[]]}, TypeError, r"detections\[0\] must be a dictionary, got list"),
        (
            {"ground_truth": [{"boxes": torch.ones(1, 4)}]},
            ValueError,
            r"ground_truth\[0\] must have the key 'labels', got \['boxes'\]",
        ),
        (
            {"ground_truth": [{"boxes": torch.ones(1, 4), "labels": torch.ones(2)}]},
            ValueError,
            r"ground_truth\[0\]\['labels'\] must have one entry for each box, got shape \(2,\)",
        ),
        (
            {"ground_truth": GOOD[1], "detections": GOOD[0]},
            ValueError,
            r"detections\[0\] must have the key 'scores', got \['boxes', 'labels', 'difficult'\]",
        ),
        ({"year": 2012}, ValueError, "year must be 2007 or 2010, got 2012"),
        ({"iou_threshold": 2}, ValueError, r"iou_threshold must lie in \[0, 1\], got 2"),
    ],
)
def test_errors(change, error, message):
    arguments = {"ground_truth": GOOD[0], "detections": GOOD[1]} | change
    with pytest.raises(error, match="^voc_map: " + message):
        voc_map(**arguments)
