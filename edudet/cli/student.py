"""For students: `edudet exercise ...` and `edudet submit`."""

from pathlib import Path

import click

from edudet.cli.mistakes import say

FOLDER = click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="where your solutions lie",
    show_default="this folder",
)  # fmt: skip


@click.group()
def exercise() -> None:
    """Write the operators of the course yourself, and have them checked."""


@exercise.command("list")
@FOLDER
def list_exercises(folder: Path) -> None:
    """Show all exercises in the order of the course."""
    from rich.console import Console
    from rich.table import Table

    from edudet.course import units

    table = Table("exercise", "", "points", "", box=None, pad_edge=False)
    for unit, names in units.UNITS.items():
        table.add_row(f"[bold]{unit}[/]")
        for name in names:
            one = units.load(name)
            begun = "started" if (folder / one.file).exists() else ""
            table.add_row(f"  {name}", one.title, f"{one.points:g}", f"[dim]{begun}[/]")
    Console().print(table)


@exercise.command()
@click.argument("id")
@FOLDER
def start(id: str, folder: Path) -> None:
    """Write the task and an empty solution of exercise ID."""
    from edudet.student import loop

    say(lambda: loop.start(id, folder))


@exercise.command()
@click.argument("id")
@FOLDER
def reset(id: str, folder: Path) -> None:
    """Begin exercise ID anew; what you had is kept as a copy."""
    from edudet.student import loop

    say(lambda: loop.reset(id, folder))


@exercise.command()
@click.argument("id")
@FOLDER
@click.option("--plot", is_flag=True, help="draw the first difference into ID_check.png")
def check(id: str, folder: Path, plot: bool) -> None:
    """Run the visible tests of exercise ID on your solution."""
    from rich.console import Console

    from edudet.student import loop

    try:
        checked = loop.check(id, folder)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    Console().print(checked)
    if plot:
        from edudet.student.picture import draw_first_difference

        place = folder / f"{id}_check.png"
        drawn = draw_first_difference(checked.exercise, checked.marked, place)
        click.echo(f"{drawn}: the first difference" if drawn else "There is no difference to draw.")
    raise SystemExit(0 if checked.passed else 1)


@exercise.command()
@click.argument("id")
@FOLDER
def hint(id: str, folder: Path) -> None:
    """Say which known mistake your solution of exercise ID behaves like."""
    from edudet.student import loop

    say(lambda: loop.hint(id, folder))


@click.command()
@click.argument("ids", nargs=-1)
@FOLDER
@click.option("--out", type=click.Path(path_type=Path), default=Path("submission.zip"),
              show_default=True)
def submit(ids: tuple[str, ...], folder: Path, out: Path) -> None:
    """Zip your solutions (of the exercises IDS, or of all) to hand in."""
    from edudet.student import loop

    say(lambda: loop.submit(ids, folder, out))


COMMANDS = (exercise, submit)
