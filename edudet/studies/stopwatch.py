"""Where the time of a model goes, without a change to the model.

    watch = Stopwatch()
    with watch.watching(model, {"backbone": "features", "rpn": "proposals"}), watch.stage("other"):
        model(images)
    watch.seconds                                  # {"other": 0.002, "features": 0.031, ...}

The clock is read wherever a part of the model begins or ends. A stage within a stage interrupts it:
every moment belongs to one stage alone, so that the stages add up to the whole.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn


class Stopwatch:
    """Seconds by stage.

    Args:
        clock: what time is it, in seconds?
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.clock = clock
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []  # the innermost last
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is done within counts as this stage."""
        self._begin(name)
        try:
            yield
        finally:
            self._end()

    @contextmanager
    def watching(self, model: nn.Module, stages: Mapping[str, str]) -> Iterator[None]:
        """Within, every call of a part of a model counts as a stage.

        Args:
            model: left as it was.
            stages: the part's path, such as "box_branch.head", and its stage. A part is a module, a
                method, or a function that the model holds; one that it lacks is passed over.
        """
        with ExitStack() as undo:
            for path, stage in stages.items():
                *owners, name = path.split(".")
                owner: Any = model
                for one in owners:
                    owner = getattr(owner, one, None)
                part = getattr(owner, name, None)
                if isinstance(part, nn.Module):
                    self._hook(part, stage, undo)
                elif callable(part):
                    self._wrap(owner, name, stage, undo)
            yield

    def _hook(self, module: nn.Module, stage: str, undo: ExitStack) -> None:
        def begin(*_: Any) -> None:
            self._begin(stage)

        def end(*_: Any) -> None:
            self._end()

        undo.callback(module.register_forward_pre_hook(begin).remove)
        # Also where the call raises: a stage that never ended would take all that follows.
        undo.callback(module.register_forward_hook(end, always_call=True).remove)

    def _wrap(self, owner: Any, name: str, stage: str, undo: ExitStack) -> None:
        part, own = getattr(owner, name), name in vars(owner)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.stage(stage):
                return part(*args, **kwargs)

        setattr(owner, name, timed)  # of a method: hides that of the class
        undo.callback(setattr, owner, name, part) if own else undo.callback(delattr, owner, name)

    def _begin(self, stage: str) -> None:
        self._note()
        self._running.append(stage)

    def _end(self) -> None:
        self._note()
        self._running.pop()

    def _note(self) -> None:
        """The time since the last reading belongs to the innermost stage."""
        now = self.clock()
        if self._running:
            stage = self._running[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
