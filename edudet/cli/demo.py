"""The demo: `edudet demo`."""

from pathlib import Path

import click


@click.command()
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


COMMANDS = (demo,)
