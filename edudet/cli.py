"""The `edudet` command. Imports are made inside the commands, so that --help is instant."""

from pathlib import Path

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


if __name__ == "__main__":
    main()
