"""Every exercise is whole: task, stub, tests, mistakes, right solutions."""

import ast
import re

import pytest

from edudet.course import units
from edudet.grading import gate, verify
from edudet.grading.broker import make_calls

NAMES = units.ids()


@pytest.fixture(params=NAMES)
def exercise(request):
    return units.load(request.param)


def test_every_exercise_has_a_place_in_the_course():
    folders = {path.parent.name for path in units.FOLDER.glob("*/exercise.py")}
    listed = [name for unit in units.UNITS.values() for name in unit]
    assert len(listed) == len(set(listed)) and folders == set(listed)


def test_the_task_says_what_to_write(exercise):
    task = exercise.task
    assert task.startswith("# ") and len(task.splitlines()) < 80
    assert exercise.example is None or "](picture.png)" in task
    for function in exercise.functions:
        assert f"{function.__name__}" in task, f"{function.__name__} is not explained"


def test_the_stub_is_valid_and_empty(exercise):
    if exercise.language != "python":
        assert exercise.stub.strip()
        return
    tree = ast.parse(exercise.stub)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [one.name for one in functions] == [f.__name__ for f in exercise.functions]
    for one in functions:
        assert ast.get_docstring(one) and isinstance(one.body[-1], ast.Raise)
    imported = set(re.findall(r"^from given import (\w+)", exercise.stub, re.M))
    assert imported == {function for _, function in exercise.given_functions}


def test_given_functions_come_earlier_in_the_course(exercise):
    before = NAMES[: NAMES.index(exercise.id)]
    for name, function in exercise.given_functions:
        assert name in before
        assert f"def {function}(" in units.load(name).alternatives["vectorized"]


def test_there_is_enough_of_everything(exercise):
    visible = [test for test in exercise.tests if test.visibility == "visible"]
    assert 2 <= len(visible) < len(exercise.tests) and 5 <= exercise.points <= 25
    names = [test.name for test in exercise.tests]
    assert len(set(names)) == len(names)
    mutants = list((exercise.folder / "mutants").glob("*" + exercise.ending))
    hints = {hint for one in exercise.functions for hint in exercise.mistakes_in(one.__name__)}
    assert len(hints) + len(mutants) >= gate.FEWEST_MISTAKES
    assert len(exercise.alternatives) >= gate.FEWEST_ALTERNATIVES


def test_inputs_suit_a_beginners_loop(exercise):
    """At most about a hundred items in a call, and the same inputs for the same seed."""
    for test in exercise.tests:
        for call in make_calls(exercise, test, 1):
            sizes = [arg.size for arg in call.args if hasattr(arg, "size")]
            assert max(sizes, default=0) <= 4096


def test_mistakes_and_constants_lose_points(exercise):
    """The part of the release gate that needs no sandbox."""
    wrong = [f for f in verify.verify(exercise, {}, None) if not f.right]
    assert not wrong, wrong
