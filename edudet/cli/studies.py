"""Studies: `edudet ladder`, `edudet ablation` and `edudet zoo`."""

from pathlib import Path

import click

from edudet.cli.mistakes import mistakes


@click.command()
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
    with mistakes():
        from edudet.studies.ladder import ladder as measure

        measure(out, images, size, scenes, weights)
    for name in ("ladder.png", "ladder.csv", "ladder.md"):
        click.echo(out / name)


@click.command()
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
    with mistakes():
        from edudet.studies.comparison import ablation as compare

        out = out or Path("out") / name
        compare(name, out, iterations, _numbers(seeds), scenes)
    for file in ("ablation.png", "ablation.csv", "ablation.md"):
        click.echo(out / file)


@click.command()
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
    with mistakes():
        from edudet.studies.zoo import zoo as raise_all

        raise_all(out, models, _numbers(seeds), iterations, ship)
    for file in sorted([*out.glob("zoo.*"), *out.glob("*.png")]):
        click.echo(file)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--seeds must be numbers such as 0,1,2, got {text!r}") from None


COMMANDS = (ladder, ablation, zoo)
