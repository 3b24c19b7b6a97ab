"""For instructors: `edudet course ...`, `edudet grade` and `edudet export`."""

from pathlib import Path

import click

from edudet.cli.mistakes import say


@click.group("course")
def course_group() -> None:
    """For instructors: build, verify and pack a course."""


@course_group.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, metavar="ID", help="an exercise to include; all if none")
def build(out: Path, only: tuple[str, ...]) -> None:
    """Write OUT/student/, for students, and OUT/bundle/, the sealed tests, for the grader."""
    from edudet.student import release

    say(lambda: release.build_course(out, only))


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

    say(lambda: gradescope.pack(bundle, out))


@course_group.command()
def workflow() -> None:
    """Print where the Snakemake workflow lies that grades on a cluster."""
    import edudet

    click.echo(Path(edudet.__file__).parent / "grading" / "workflow" / "Snakefile")


@click.command()
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


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
@click.option("--to", "form", required=True,
              type=click.Choice(["gradescope", "csv", "html", "nbgrader"]))
@click.option("--out", type=click.Path(path_type=Path), help="file or folder to write")
def export(results: Path, form: str, out: Path | None) -> None:
    """Write results in another grader's form."""
    from edudet.grading import exports

    say(lambda: exports.export(results, form, out))


COMMANDS = (course_group, grade, export)
