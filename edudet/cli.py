"""The `edudet` command. Imports are made inside the commands, so that --help is instant."""

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
