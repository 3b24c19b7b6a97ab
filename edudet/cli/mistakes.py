"""A user's mistake is told without a traceback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def mistakes() -> Iterator[None]:
    """A user's mistake, or a missing file, is told without a traceback."""
    try:
        yield
    except (ValueError, OSError, FloatingPointError, ImportError) as error:
        raise click.ClickException(str(error)) from None


def say(command: Callable[[], list[str]]) -> None:
    """Run a command that returns lines to print; a user's mistake is told without a traceback."""
    try:
        for line in command():
            click.echo(line)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
