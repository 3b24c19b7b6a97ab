"""COCO's numbers. Goal: 40 times pycocotools in under half of its memory, at the size of COCO's
validation set (5000 images, 100 detections each, 80 classes), one thread.

    python -m benchmarks coco        500 images (boxes), 100 (masks): dictionaries in, numbers out
    python -m benchmarks.coco        the full size, time and peak memory, each in its own process;
                                     from dictionaries and from files. Several minutes

What is timed is everything from the dictionaries (or paths) to the numbers: index, matching,
accumulation, summary. pycocotools gets a flat copy of each record, since it writes into them; the
copies are timed, too (about 1 % of its time)."""

import contextlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import Work
from edudet.metrics import coco_metrics, polygons_to_rle

KINDS = {"box": "bbox", "mask": "segm"}


def works(device: str, peer) -> Iterator[Work]:
    if device != "cpu":
        return
    for kind, images, per_image in (("box", 500, 100), ("mask", 100, 20)):
        truth, found = coco_like(images, per_image, masks=kind == "mask")
        contestants = {"edudet": lambda t=truth, f=found, k=kind: coco_metrics(t, f, k)}
        with contextlib.suppress(ImportError):
            import pycocotools  # noqa: F401

            contestants["pycocotools"] = lambda t=truth, f=found, k=kind: pycocotools_numbers(
                t, f, k
            )
        name = f"{kind}: {images} images, {per_image} each, 80 classes"
        yield Work("coco", name, contestants, 40 if kind == "box" else None)


def pycocotools_numbers(truth: dict | str, found: list | str, kind: str = "box") -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        peer = COCO(truth if isinstance(truth, str) else None)
        if not isinstance(truth, str):
            # It writes into the records: give it its own, as it would have from a file.
            peer.dataset = truth | {"annotations": [dict(a) for a in truth["annotations"]]}
            peer.createIndex()
            found = [dict(record) for record in found]
        evaluation = COCOeval(peer, peer.loadRes(found), KINDS[kind])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def coco_like(
    images: int, per_image: int, classes: int = 80, masks: bool = False, seed: int = 0
) -> tuple[dict, list]:
    """About seven objects an image; half of the detections lie near one, mostly of its class."""
    rng = np.random.default_rng(seed)
    counts = 1 + rng.poisson(6, images)
    of_image = np.repeat(np.arange(images), counts)
    boxes, classes_of = random_boxes(rng, len(of_image)), rng.integers(0, classes, len(of_image))
    crowd = rng.random(len(of_image)) < 0.01
    n = images * per_image
    image = np.repeat(np.arange(images), per_image)
    near = rng.random(n) < 0.5
    which = (np.cumsum(counts) - counts)[image] + (rng.random(n) * counts[image]).astype(int)
    shaken = np.clip(boxes[which] * (1 + 0.1 * rng.standard_normal((n, 4))), 0, 600)
    found = np.where(near[:, None], shaken, random_boxes(rng, n)).round(2)
    right_class = near & (rng.random(n) < 0.9)
    category = np.where(right_class, classes_of[which], rng.integers(0, classes, n))
    score = np.where(near, rng.beta(2, 2, n), rng.beta(1, 6, n)).round(5)

    def records(image, category, boxes, **more):
        columns = {
            "image_id": image + 1, "category_id": category + 1, "bbox": boxes, **more,
        }
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        for record in listed if masks else []:
            x, y, w, h = record["bbox"]
            corners = [x + w / 2, y, x + w, y + h / 2, x + w / 2, y + h, x, y + h / 2]
            record["segmentation"] = polygons_to_rle([corners], 480, 640)
        return listed

    truth = {
        "images": [{"id": i + 1, "height": 480, "width": 640} for i in range(images)],
        "categories": [{"id": i + 1} for i in range(classes)],
        "annotations": records(
            of_image, classes_of, boxes, area=boxes[:, 2:].prod(1), iscrowd=crowd.astype(int),
            id=np.arange(1, len(boxes) + 1),
        ),
    }
    return truth, records(image, category, found, score=score)


def random_boxes(rng: np.random.Generator, n: int) -> np.ndarray:
    size = 8 * 32 ** rng.random((n, 2))
    return np.concatenate([rng.random((n, 2)) * ([640, 480] - size), size], 1).round(2)


def measure_alone(who: str, source: str, folder: str, threads: str) -> None:
    """In a process of its own: print seconds, peak memory before and after in MB, and AP."""
    torch.set_num_threads(int(threads))
    paths = [str(Path(folder, name)) for name in ("truth.json", "found.json")]
    inputs = paths if source == "files" else [json.loads(Path(p).read_text()) for p in paths]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    start, cpu = time.perf_counter(), time.process_time()
    if who == "edudet":
        ap = coco_metrics(*inputs)["AP"]
    else:
        ap = pycocotools_numbers(*inputs)[0]
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps([seconds, cpu, before, peak, ap]))


def main(images: int = 5000, per_image: int = 100) -> None:
    print(f"{images} images, {per_image} detections each, 80 classes")
    print("| input | who | threads | seconds | CPU seconds | MB before | peak MB | AP |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, part in zip(("truth", "found"), coco_like(images, per_image), strict=True):
            Path(folder, f"{name}.json").write_text(json.dumps(part))
        for source in ("dictionaries", "files"):
            for who, threads in (("edudet", "1"), ("edudet", "2"), ("pycocotools", "1")):
                command = [sys.executable, "-m", "benchmarks.coco", who, source, folder, threads]
                text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                seconds, cpu, before, peak, ap = json.loads(text)
                print(
                    f"| {source} | {who} | {threads} | {seconds:.2f} | {cpu:.2f} | {before:.0f} "
                    f"| {peak:.0f} | {ap:.6f} |", flush=True,
                )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        measure_alone(*sys.argv[1:])
    else:
        main(*map(int, sys.argv[1:]))
