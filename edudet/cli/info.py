"""What runs on this machine: `edudet info`."""

import click


@click.command()
def info() -> None:
    """Show which operator runs in which form on this machine, and why not."""
    from edudet.info import show

    show()


COMMANDS = (info,)
