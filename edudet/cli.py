"""The `edudet` command. Imports are made inside the commands, so that --help is instant."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edudet")
def main() -> None:
    """Object detection, from the loop that defines it to the kernel that runs it."""


@main.command()
def info() -> None:
    """Show which operator runs in which form on this machine, and why not."""
    from edudet.info import show

    show()


@main.command()
@click.option("--image", type=click.Path(path_type=Path), help="a photo of your own")
@click.option("--like", metavar="X1,Y1,X2,Y2", help="the box on it to learn from, in pixels")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/demo"), show_default=True)
def demo(image: Path | None, like: str | None, out: Path) -> None:
    """Find the coins in a photo, or with --image and --like things in your own."""
    if (image is None) != (like is None):
        raise click.UsageError("--image and --like go together")
    try:
        from edudet.demo.run import run
        from edudet.demo.task import UserError
    except ImportError as error:
        raise click.ClickException(
            f"the demo needs more packages ({error}): pip install 'edudet[demo]'"
        ) from None
    try:
        run(image, like, out)
    except UserError as error:
        click.echo(f"edudet demo: {error}", err=True)
        raise SystemExit(2) from None


FOLDER = click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="where your solutions lie",
    show_default="this folder",
)  # fmt: skip


@main.group()
def exercise() -> None:
    """Write the operators of the course yourself, and have them checked."""


@exercise.command("list")
@FOLDER
def list_exercises(folder: Path) -> None:
    """Show all exercises in the order of the course."""
    from rich.console import Console
    from rich.table import Table

    from edudet.exercises import course

    table = Table("exercise", "", "points", "", box=None, pad_edge=False)
    for unit, names in course.UNITS.items():
        table.add_row(f"[bold]{unit}[/]")
        for name in names:
            one = course.load(name)
            begun = "started" if (folder / one.file).exists() else ""
            table.add_row(f"  {name}", one.title, f"{one.points:g}", f"[dim]{begun}[/]")
    Console().print(table)


@exercise.command()
@click.argument("id")
@FOLDER
def start(id: str, folder: Path) -> None:
    """Write the task and an empty solution of exercise ID."""
    from edudet.exercises import student

    _say(lambda: student.start(id, folder))


@exercise.command()
@click.argument("id")
@FOLDER
def reset(id: str, folder: Path) -> None:
    """Begin exercise ID anew; what you had is kept as a copy."""
    from edudet.exercises import student

    _say(lambda: student.reset(id, folder))


@exercise.command()
@click.argument("id")
@FOLDER
@click.option("--plot", is_flag=True, help="draw the first difference into ID_check.png")
def check(id: str, folder: Path, plot: bool) -> None:
    """Run the visible tests of exercise ID on your solution."""
    from rich.console import Console

    from edudet.exercises import student

    try:
        checked = student.check(id, folder)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    Console().print(checked)
    if plot:
        from edudet.exercises.picture import draw_first_difference

        drawn = draw_first_difference(checked, folder / f"{id}_check.png")
        click.echo(f"{drawn}: the first difference" if drawn else "There is no difference to draw.")
    raise SystemExit(0 if checked.passed else 1)


@exercise.command()
@click.argument("id")
@FOLDER
def hint(id: str, folder: Path) -> None:
    """Say which known mistake your solution of exercise ID behaves like."""
    from edudet.exercises import student

    _say(lambda: student.hint(id, folder))


@main.command()
@click.argument("ids", nargs=-1)
@FOLDER
@click.option("--out", type=click.Path(path_type=Path), default=Path("submission.zip"),
              show_default=True)
def submit(ids: tuple[str, ...], folder: Path, out: Path) -> None:
    """Zip your solutions (of the exercises IDS, or of all) to hand in."""
    from edudet.exercises import student

    _say(lambda: student.submit(ids, folder, out))


@main.group("course")
def course_group() -> None:
    """For instructors: build, verify and pack a course."""


@course_group.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, metavar="ID", help="an exercise to include; all if none")
def build(out: Path, only: tuple[str, ...]) -> None:
    """Write OUT/student/, for students, and OUT/bundle/, the sealed tests, for the grader."""
    from edudet.grading import bundle

    _say(lambda: bundle.build_course(out, only))


@course_group.command()
@click.argument("ids", nargs=-1)
@click.option("--jobs", type=click.IntRange(1), help="processes  [default: one per core]")
def verify(ids: tuple[str, ...], jobs: int | None) -> None:
    """The release gate: right solutions get all points, wrong ones do not."""
    from edudet.grading import gate

    raise SystemExit(0 if gate.run(ids, jobs) else 1)


@course_group.command()
@click.argument("bundle", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--for", "platform", type=click.Choice(["gradescope"]), required=True)
def pack(bundle: Path, out: Path, platform: str) -> None:
    """Write the autograder zip of another platform."""
    from edudet.grading import gradescope

    _say(lambda: gradescope.pack(bundle, out))


@course_group.command()
def workflow() -> None:
    """Print where the Snakemake workflow lies that grades on a cluster."""
    import edudet

    click.echo(Path(edudet.__file__).parent / "grading" / "workflow" / "Snakefile")


@main.command()
@click.argument("submissions", type=click.Path(exists=True, path_type=Path))
@click.option("--bundle", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--jobs", type=click.IntRange(1), help="processes  [default: one per core]")
@click.option("--only-changed", is_flag=True, help="keep the results of unchanged submissions")
@click.option("--unsafe", is_flag=True, help="grade even where no sandbox can be had")
@click.option("--one", is_flag=True, help="SUBMISSIONS is one: write its result.json alone")
def grade(
    submissions: Path, bundle: Path, out: Path, jobs: int | None, only_changed: bool, unsafe: bool,
    one: bool,
) -> None:
    """Grade all SUBMISSIONS: folders or zip files in a folder, or a single one.

    OUT gets <submission>/result.json, grades.csv and report.html. Stopped at any moment, the same
    command goes on where it was.
    """
    from edudet.grading import console

    try:
        if one:
            click.echo(console.grade_one(submissions, bundle, out, unsafe))
        else:
            console.grade(submissions, bundle, out, jobs, only_changed, unsafe)
    except (ValueError, console.NoSandbox) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
@click.option("--to", "form", required=True,
              type=click.Choice(["gradescope", "csv", "html", "nbgrader"]))
@click.option("--out", type=click.Path(path_type=Path), help="file or folder to write")
def export(results: Path, form: str, out: Path | None) -> None:
    """Write results in another grader's form."""
    from edudet.grading import exports

    _say(lambda: exports.export(results, form, out))


MODEL_OPTIONS = [
    click.option("--level", help="generated scenes of this level  [default: the model's]"),
    click.option("--coco", nargs=2, type=click.Path(exists=True, path_type=Path),
                 metavar="IMAGES ANNOTATIONS", help="a folder and a JSON file as COCO has them"),
    click.option("--voc", type=click.Path(exists=True, path_type=Path), metavar="ROOT",
                 help="a folder VOC2007, or one that contains it"),
    click.option("--workers", type=click.IntRange(0), default=0, show_default=True,
                 help="processes that load images"),
    click.option("--device", default="cpu", show_default=True, help="cpu or cuda"),
]  # fmt: skip


def _model_options(command: Callable) -> Callable:
    for option in reversed(MODEL_OPTIONS):
        command = option(command)
    return command


@main.command()
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="folder of the run")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--resume", is_flag=True, help="go on with the run in --out, if there is one")
@click.option("--iterations", type=click.IntRange(1), help="steps  [default: the model's]")
@click.option("--batch-size", type=click.IntRange(1), help="images a step  [default: the model's]")
@click.option("--amp/--no-amp", default=None,
              help="mixed precision: float16 on CUDA, bfloat16 on the CPU  [default: the model's]")
@_model_options
def train(
    model: str, out: Path, seed: int, resume: bool, iterations: int | None,
    batch_size: int | None, amp: bool | None, level: str | None, coco: tuple[Path, Path] | None,
    voc: Path | None, workers: int, device: str,
) -> None:
    """Train MODEL from scratch, and measure it on images that it has not seen.

    OUT gets model.pt (the weights), metrics.json, losses.csv, losses.png and checkpoint.pt. On
    several processes: torchrun --nproc-per-node 2 -m edudet train ...
    """
    from edudet.training import run

    with _mistakes():
        metrics = run.train_model(
            model, out, seed, source=_source(level, coco, voc), iterations=iterations,
            batch_size=batch_size, workers=workers, device=device, amp=amp, resume=resume,
        )
        if metrics:
            _show_metrics(metrics)
            click.echo(f"{out / 'model.pt'}\n{out / 'metrics.json'}")


@main.command("eval")
@click.argument("model")
@click.option("--weights", type=click.Path(path_type=Path),
              help="a model.pt, or a file of torchvision's  [default: ours]")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@_model_options
def evaluate(
    model: str, weights: Path | None, as_json: bool, level: str | None,
    coco: tuple[Path, Path] | None, voc: Path | None, workers: int, device: str,
) -> None:
    """Measure MODEL on the test scenes, or on a folder."""
    import json

    from edudet.training import run

    with _mistakes():
        metrics = run.evaluate_model(
            model, weights, source=_source(level, coco, voc), workers=workers, device=device,
            progress=not as_json,
        )
    click.echo(json.dumps(metrics, indent=2)) if as_json else _show_metrics(metrics)


@main.command()
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
    """Show what MODEL finds on IMAGES.

    OUT gets a picture of each, and detections.json: what was found, in COCO's format.
    """
    from edudet.data.files import write_atomically
    from edudet.training import run
    from edudet.training.detect import Pictures, detections

    with _mistakes():
        import edudet.draw  # noqa: F401  (what is missing is said before work begins)

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


@main.command()
@click.option("--images", type=click.IntRange(1, 500), default=20, show_default=True,
              help="test scenes that the time is measured on")
@click.option("--size", type=click.IntRange(32), default=256, show_default=True,
              help="their height and width in pixels")
@click.option("--scenes", type=click.IntRange(1, 500), default=100, show_default=True,
              help="test scenes of 128 x 128 that AP is measured on")
@click.option("--weights", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="a folder with rcnn.pt, sppnet.pt, ...  [default: ours]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/ladder"),
              show_default=True)
def ladder(images: int, size: int, scenes: int, weights: Path | None, out: Path) -> None:
    """Measure the way from the sliding window to Faster R-CNN: seconds, where they go, AP.

    OUT gets ladder.png, ladder.csv and ladder.md, beside the numbers of the decks.
    """
    with _mistakes():
        from edudet.studies.ladder import ladder as measure

        measure(out, images, size, scenes, weights)
    for name in ("ladder.png", "ladder.csv", "ladder.md"):
        click.echo(out / name)


@main.command()
@click.argument("name")
@click.option("--iterations", type=click.IntRange(1),
              help="steps of a training  [default: 600; nms: none]")
@click.option("--seeds", default="0", show_default=True, help="e.g. 0,1,2: each trains once more")
@click.option("--scenes", type=click.IntRange(1, 500), default=100, show_default=True,
              help="test scenes that variants are measured on")
@click.option("--out", type=click.Path(path_type=Path), help="folder  [default: out/NAME]")
def ablation(
    name: str, iterations: int | None, seeds: str, scenes: int, out: Path | None
) -> None:
    """Take a part of a detector away, and see what it was good for.

    NAME: anchors, nms, pool, mining, background or alpha. OUT gets ablation.png, ablation.csv and
    ablation.md. Stopped at any moment, the same command goes on where it was.
    """
    with _mistakes():
        from edudet.studies.comparison import ablation as compare

        out = out or Path("out") / name
        compare(name, out, iterations, _numbers(seeds), scenes)
    for file in ("ablation.png", "ablation.csv", "ablation.md"):
        click.echo(out / file)


@main.command()
@click.argument("models", nargs=-1)
@click.option("--seeds", default="0,1,2", show_default=True, help="each model trains with each")
@click.option("--iterations", type=click.IntRange(1), help="steps  [default: each model's]")
@click.option("--ship", type=click.Path(file_okay=False, path_type=Path),
              help="a folder that receives the weights of the first seed")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/zoo"), show_default=True)
def zoo(
    models: tuple[str, ...], seeds: str, iterations: int | None, ship: Path | None, out: Path
) -> None:
    """Train MODELS (all of them by default) with several seeds, and measure them.

    OUT gets a folder for each run, zoo.csv, zoo.md, curves.png and pictures of what each model
    finds. Stopped at any moment, the same command goes on where it was.
    """
    with _mistakes():
        from edudet.studies.zoo import zoo as raise_all

        raise_all(out, models, _numbers(seeds), iterations, ship)
    for file in sorted([*out.glob("zoo.*"), *out.glob("*.png")]):
        click.echo(file)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--seeds must be numbers such as 0,1,2, got {text!r}") from None


def _stems(paths: tuple[Path, ...]) -> list[str]:
    """Names for files that are made of others; a and a of two folders become a and a_2."""
    names: list[str] = []
    for path in paths:
        name, count = path.stem, 2
        while name in names:
            name, count = f"{path.stem}_{count}", count + 1
        names.append(name)
    return names


def _source(level: str | None, coco: tuple[Path, Path] | None, voc: Path | None) -> Any:
    from edudet.training.run import Source

    if sum(bool(given) for given in (level, coco, voc)) > 1:
        raise click.UsageError("--level, --coco and --voc are three ways: name one")
    return Source(level, coco or None, voc)


def _show_metrics(metrics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for name, value in metrics.items():
        table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console().print(table)


@contextmanager
def _mistakes() -> Iterator[None]:
    """A user's mistake, or a missing file, is told without a traceback."""
    try:
        yield
    except (ValueError, OSError, FloatingPointError, ImportError) as error:
        raise click.ClickException(str(error)) from None


def _say(command: Callable[[], list[str]]) -> None:
    """Run a command that returns lines to print; a user's mistake is told without a traceback."""
    try:
        for line in command():
            click.echo(line)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
