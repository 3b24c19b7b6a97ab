"""Models: `edudet train`, `edudet eval` and `edudet detect`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from edudet.cli.mistakes import mistakes

MODEL_OPTIONS = [
    click.option("--level", help="generated scenes of this level  [default: the model's]"),
    click.option("--coco", nargs=2, type=click.Path(exists=True, path_type=Path),
                 metavar="IMAGES ANNOTATIONS", help="a folder and a JSON file as COCO has them"),
    click.option("--voc", type=click.Path(exists=True, path_type=Path), metavar="ROOT",
                 help="a folder VOC2007, or one that contains it"),
    click.option("--classes", metavar="NAME,NAME,...",
                 help="the classes in --voc  [default: VOC's twenty]"),
    click.option("--zero-based", is_flag=True,
                 help="the boxes in --voc count pixels from 0, as some tools write them"),
    click.option("--workers", type=click.IntRange(0), default=0, show_default=True,
                 help="processes that load images"),
    click.option("--device", default="cpu", show_default=True, help="cpu or cuda"),
]  # fmt: skip


def _model_options(command: Callable) -> Callable:
    for option in reversed(MODEL_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="folder of the run")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--resume", is_flag=True, help="go on with the run in --out, if there is one")
@click.option("--iterations", type=click.IntRange(1), help="steps  [default: the model's]")
@click.option("--batch-size", type=click.IntRange(1), help="images a step  [default: the model's]")
@click.option("--amp/--no-amp", default=None,
              help="mixed precision: float16 on CUDA, bfloat16 on the CPU  [default: the model's]")
@click.option("--val", metavar="WHAT",
              help="measure on these images, and do not train on them: a share such as 0.1; "
                   "of --voc, an image set; of --coco, a file of annotations of images in the same "
                   "folder, a folder with images/ and annotations.json, or FOLDER,FILE  "
                   "[default: test scenes; --voc: the image set test; --coco: the training images]")
@_model_options
def train(
    model: str, out: Path, seed: int, resume: bool, iterations: int | None,
    batch_size: int | None, amp: bool | None, val: str | None, level: str | None,
    coco: tuple[Path, Path] | None, voc: Path | None, classes: str | None, zero_based: bool,
    workers: int, device: str,
) -> None:
    """Train MODEL from scratch, and measure it.

    Generated scenes and VOC have test images. A folder of --coco has none: without --val, the
    figures are of the images that the model has learnt from, and say nothing of others.
    metrics.json tells: measured_on.

    OUT gets model.pt (the weights), metrics.json, losses.csv, losses.png and checkpoint.pt. On
    several processes: torchrun --nproc-per-node 2 -m edudet train ...
    """
    from edudet.training import run

    with mistakes():
        metrics = run.train_model(
            model, out, seed, source=_source(level, coco, voc, classes, zero_based, val),
            iterations=iterations, batch_size=batch_size, workers=workers, device=device, amp=amp,
            resume=resume,
        )
        if metrics:
            _show_metrics(metrics)
            click.echo(f"{out / 'model.pt'}\n{out / 'metrics.json'}")


@click.command("eval")
@click.argument("model")
@click.option("--weights", type=click.Path(path_type=Path),
              help="a model.pt, or a file of torchvision's  [default: ours]")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@_model_options
def evaluate(
    model: str, weights: Path | None, as_json: bool, level: str | None,
    coco: tuple[Path, Path] | None, voc: Path | None, classes: str | None, zero_based: bool,
    workers: int, device: str,
) -> None:
    """Measure MODEL on the test scenes, or on a folder."""
    import json

    from edudet.training import run

    with mistakes():
        metrics = run.evaluate_model(
            model, weights, source=_source(level, coco, voc, classes, zero_based), workers=workers,
            device=device, progress=not as_json,
        )
    click.echo(json.dumps(metrics, indent=2)) if as_json else _show_metrics(metrics)


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", required=True)
@click.option("--weights", type=click.Path(path_type=Path),
              help="a model.pt, or a file of torchvision's  [default: ours]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/detect"),
              show_default=True)
@click.option("--score", type=click.FloatRange(0, 1),
              help="least score of what is shown  [default: of detectors 0.5]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda")
def detect(
    images: tuple[Path, ...], model: str, weights: Path | None, out: Path, score: float | None,
    device: str,
) -> None:
    """Show what MODEL finds on IMAGES, files or folders of them.

    OUT gets a picture of each, and detections.json: what was found, in COCO's format.
    """
    from edudet.data.files import write_atomically
    from edudet.training import run
    from edudet.training.detect import Pictures, detections, pictures_in

    with mistakes():
        import edudet.draw  # noqa: F401  (what is missing is said before work begins)

        images = tuple(pictures_in(images))
        task = run.recipe_of(model, to_train=False).task
        net, facts, _ = run.load_trained(model, weights)
        pictures = Pictures(images, facts["categories"])
        for i in range(len(images)):  # a file that is broken is told before the first is worked on
            pictures[i]
        out.mkdir(parents=True, exist_ok=True)
        given = run.prepared(run.recipe_of(model, to_train=False), pictures)
        least = task.SCORE if score is None else score
        found = detections(net, given, least, device, task)
        outputs, sizes = [], []
        for i, (image, output) in enumerate(found):
            drawn = out / f"{_stems(images)[i]}.png"
            figure = task.picture(image, output, facts)
            write_atomically(drawn, partial(figure.savefig, format="png"))
            outputs.append(output)
            sizes.append((image.shape[-2], image.shape[-1]))
            click.echo(f"{drawn}: {task.told(output, facts)}")
        run.write_json(out / "detections.json", task.records(images, sizes, outputs, facts))
        click.echo(out / "detections.json")


def _stems(paths: tuple[Path, ...]) -> list[str]:
    """Names for files that are made of others; a and a of two folders become a and a_2."""
    names: list[str] = []
    for path in paths:
        name, count = path.stem, 2
        while name in names:
            name, count = f"{path.stem}_{count}", count + 1
        names.append(name)
    return names


def _source(
    level: str | None, coco: tuple[Path, Path] | None, voc: Path | None, classes: str | None,
    zero_based: bool, val: str | None = None,
) -> Any:
    from edudet.training.run import Source

    if sum(bool(given) for given in (level, coco, voc)) > 1:
        raise click.UsageError("--level, --coco and --voc are three ways: name one")
    if (classes or zero_based) and not voc:
        raise click.UsageError("--classes and --zero-based go with --voc")
    names = tuple(name.strip() for name in classes.split(",")) if classes else None
    return Source(level, coco or None, voc, classes=names, one_based=not zero_based, val=val)


def _show_metrics(metrics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for name, value in metrics.items():
        table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console().print(table)


COMMANDS = (train, evaluate, detect)
