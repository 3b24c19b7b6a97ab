"""The `edudet` command: a file for each subject.

Imports are made inside the commands, so that --help is instant.
"""

import click

from edudet.cli import course, demo, info, models, student, studies


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edudet")
def main() -> None:
    """Object detection, from the loop that defines it to the kernel that runs it."""


for subject in (info, demo, student, course, models, studies):
    for command in subject.COMMANDS:
        main.add_command(command)
