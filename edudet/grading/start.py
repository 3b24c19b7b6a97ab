"""Builds the worker's world and starts the worker in it; for machines without bubblewrap.

    python -I start.py FOLDER '{"binds": ..., ...}' COMMAND...

FOLDER is the `worker` package. A new user namespace makes this process root of nothing but itself;
in its mount namespace a root folder is put together from what is allowed, and becomes the root.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def main(folder: str, world: dict[str, Any], command: list[str]) -> int:
    sys.path.insert(0, str(Path(folder).parent))
    from worker import isolate  # type: ignore[import-not-found]

    isolate.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    isolate.enter_user_namespace(
        isolate.CLONE_NEWNS | isolate.CLONE_NEWPID | isolate.CLONE_NEWIPC | isolate.CLONE_NEWNET
        | isolate.CLONE_NEWUTS
    )  # fmt: skip
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    isolate.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _furnish(isolate, world)
    os.execve(command[0], command, world["environment"])


def _furnish(isolate: Any, world: dict[str, Any]) -> None:
    isolate.mount("none", "/", "", isolate.MS_REC | isolate.MS_PRIVATE)
    root = Path("/tmp")  # any folder does: only this process sees what is mounted on it
    sources = {target: os.open(source, os.O_PATH) for source, target in world["binds"]}
    isolate.mount("tmpfs", root, "tmpfs", isolate.MS_NOSUID | isolate.MS_NODEV, "mode=755")
    for target, source in sources.items():
        place = root / target.lstrip("/")
        isolate.bind(Path(f"/proc/self/fd/{source}"), place)
        os.close(source)
    for target in world["hidden"]:
        isolate.mount("tmpfs", root / target.lstrip("/"), "tmpfs", isolate.MS_RDONLY)
    for link, target in world["links"]:
        (root / link.lstrip("/")).symlink_to(target)
    for name in ("tmp", "proc"):
        (root / name).mkdir(exist_ok=True)
    isolate.mount("proc", root / "proc", "proc", isolate.MS_NOSUID | isolate.MS_NODEV)
    isolate.mount("tmpfs", root / "tmp", "tmpfs", isolate.MS_NOSUID, "size=1m,mode=777")
    isolate.change_root(root)
    isolate.mount("none", "/", "", isolate.MS_REMOUNT | isolate.MS_RDONLY | isolate.MS_BIND)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]))
