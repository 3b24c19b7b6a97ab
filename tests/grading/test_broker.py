from dataclasses import replace

import numpy as np
import pytest

from edudet.cases.case import Case
from edudet.course import units
from edudet.course.exercise import Exercise, hidden, worked
from edudet.grading import broker

GIVEN = units.given(units.load("nms"))


def by_name(marked):
    return {result.id.split("/")[1]: result for result in marked.results}


def test_right_solutions_get_everything(worker, nms):
    for source in nms.alternatives.values():
        marked = broker.mark(nms, source, worker, 3, GIVEN)
        assert {result.status for result in marked.results} == {"pass"}
        assert sum(result.points for result in marked.results) == nms.points
        assert marked.hint is None


def test_the_stub_gets_nothing_and_says_where(worker, nms):
    marked = broker.mark(nms, nms.stub, worker, 3, GIVEN)
    line = 1 + nms.stub.splitlines().index("    raise NotImplementedError")
    assert {result.points for result in marked.results} == {0}
    assert all(f"NotImplementedError in line {line} of nms.py" in result.message
               for result in marked.results)  # fmt: skip


WRONG = """
from given import box_iou

def nms(boxes, scores, iou_threshold):
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i].item(), i))
    keep = []
    for i in order:
        if all(box_iou(boxes[k][None], boxes[i][None])[0, 0] < iou_threshold for k in keep):
            keep.append(i)
    return keep
"""


def test_a_known_mistake_is_told(worker, nms):
    marked = broker.mark(nms, WRONG, worker, 3, GIVEN)
    assert marked.hint == "drops at IoU >= threshold; only more than the threshold is dropped"
    results = by_name(marked)
    assert results["on the threshold"].status == "fail"
    assert "call 1 of 4" in results["on the threshold"].message
    assert results["five boxes by hand"].status == "pass"


def test_hidden_tests_say_only_the_status(worker, nms):
    results = by_name(broker.mark(nms, WRONG, worker, 3, GIVEN))
    hidden_one = results["exactly half covered"]
    assert hidden_one.status == "fail" and hidden_one.message == "a wrong answer"
    assert "expected" in hidden_one.staff_message or "shape" in hidden_one.staff_message


def test_inputs_depend_on_the_seed_alone(nms):
    test = next(test for test in nms.tests if test.visibility == "hidden")
    one, same, other = (broker.make_calls(nms, test, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.args[0], b.args[0]) for a, b in zip(one, same, strict=True))
    assert any(a.args[0].shape != b.args[0].shape or (a.args[0] != b.args[0]).any()
               for a, b in zip(one, other, strict=True))  # fmt: skip
    assert broker.seed_of(b"k", "alice", "nms") != broker.seed_of(b"k", "bob", "nms")
    assert broker.seed_of(b"k", "alice", "nms") != broker.seed_of(b"q", "alice", "nms")


def test_after_two_timeouts_the_rest_is_not_run(worker, nms):
    slow = replace(nms, seconds=0.5)
    marked = broker.mark(slow, "def nms(*args):\n    while True: pass", worker, 1, GIVEN)
    assert [result.status for result in marked.results] == (
        ["timeout"] * 2 + ["not_run"] * (len(nms.tests) - 2)
    )


def double(x):
    """Twice."""
    return 2 * x * x


def _gradient_exercise():
    cases = [Case("a", ([1.0, 2.0],), None), Case("b", ([3.0],), None)]
    return Exercise(
        title="Square", functions=[double], mistakes={}, tolerance=(1e-6, 0), id="double",
        prepare=lambda x: (np.array(x, np.float32),),
        tests=[
            worked("seen", 1, cases, gradient=True),
            hidden("unseen", 1, lambda random: (random.integers(1, 9, 3).tolist(),),
                   gradient=True),
        ],
    )  # fmt: skip


def test_gradients_are_marked(worker):
    exercise = _gradient_exercise()
    right = "def double(x):\n    return 2 * x ** 2"
    assert all(r.status == "pass" for r in broker.mark(exercise, right, worker, 1, {}).results)
    cut = "def double(x):\n    return 2 * x * x.detach()"
    marked = broker.mark(exercise, cut, worker, 1, {})
    assert [r.status for r in marked.results] == ["fail", "fail"]
    assert "the result[1]" in marked.results[0].message, "the value is right, its gradient not"


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("def nms(b, s, t):\n    raise KeyError('secret')", "error",
         "KeyError in line 2 of nms.py"),
        ("class Own(Exception): pass\ndef nms(b, s, t):\n    raise Own('secret')", "error",
         "an exception of your own in line 3 of nms.py"),
        ("import nothing_like_it", "error", "ModuleNotFoundError in line 1 of nms.py"),
        ("def nms(b, s, t)\n    pass", "error", "SyntaxError in line 1 of nms.py"),
        ("def mns(b, s, t): pass", "error", "nms.py defines no function nms"),
        ("def nms(b, s, t): return object()", "bad_reply", "neither tensor, array"),
        ("import os\nos._exit(3)", "crash", "ended without an answer"),
        ("def nms(b, s, t):\n    return [bytearray(1 << 30) for _ in range(9)]", "oom",
         "MemoryError in line 2 of nms.py"),
    ],
)  # fmt: skip
def test_what_a_student_reads_of_a_hidden_test(worker, nms, source, status, message):
    result = by_name(broker.mark(nms, source, worker, 1, GIVEN, nms.tests[-1:]))["few overlaps"]
    assert result.status == status and message in result.message
    assert "secret" not in result.message


def test_prints_are_shown_where_a_visible_test_fails(worker, nms):
    source = "def nms(b, s, t):\n    print('here I am')\n    return []"
    results = by_name(broker.mark(nms, source, worker, 1, GIVEN))
    assert "here I am" in results["five boxes by hand"].message
    assert "here I am" not in results["a crowd"].message


@pytest.mark.usefixtures("compiles_cpp", "compiles_cuda")
@pytest.mark.parametrize("name", ["box_iou_cpp", "box_iou_cuda"])
def test_compiled_answers(worker, name):
    exercise = units.load(name)
    source = next(iter(exercise.alternatives.values()))
    marked = broker.mark(exercise, source, worker, 1, {})
    assert {result.status for result in marked.results} == {"pass"}
    broken = broker.mark(exercise, source.replace(";", "", 1), worker, 1, {})
    assert {result.status for result in broken.results} == {"error"}
    assert "does not compile" in broken.results[0].message
    assert exercise.file in broken.results[0].message


@pytest.mark.usefixtures("compiles_cuda")
def test_the_checker_speaks_of_the_line(worker):
    exercise = units.load("box_iou_cuda")
    source = exercise.alternatives["naive"].replace("if (i >= n || j >= m) return;\n", "\n")
    results = broker.mark(exercise, source, worker, 1, {}).results
    line = 1 + next(i for i, text in enumerate(source.splitlines()) if "a[2]" in text)
    assert "out of bounds" in results[0].message
    assert f"box_iou_cuda.cu:{line}" in results[0].message or "byte" in results[0].message
    place = f"in line {line} of box_iou_cuda.cu"
    assert results[-1].message == f"the checker found: out of bounds {place}"
