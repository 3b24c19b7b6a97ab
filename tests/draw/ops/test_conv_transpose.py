import pytest
import sympy
import torch

from edudet import draw
from edudet.cases.ops.conv_transpose import CASES
from edudet.draw.ops.conv_transpose import step_reading
from edudet.ops import conv_matrix
from pictures import drawn, numbers, shaded

TWO = torch.tensor([[7.0, 11]])
KERNEL = torch.tensor([[2.0, 3, 5]])
SQUARE = torch.tensor([[1.0, 2], [3, 4]])


def test_cells_are_where_the_house_has_them():
    figure, axes = draw.new_figure(3, 3)
    draw.write_cells(axes, torch.tensor([[1.0, 2, 3], [4, 5, torch.nan]]), "title",
                     {"kept": torch.tensor([[False, False, True], [False] * 3])})  # fmt: skip
    figure.png()
    assert numbers(axes) == [["1", "2", "3"], ["4", "5", ""]]
    assert shaded(axes, "kept") == [(2, 0)]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # y downwards


def test_a_small_map_stands_in_the_middle_of_a_large_frame():
    _, axes = draw.new_figure(3, 3)
    draw.write_cells(axes, SQUARE, size=(4, 6))
    assert sum(axes.get_xlim()) / 2 == pytest.approx(1)
    assert axes.get_xlim()[1] - axes.get_xlim()[0] == pytest.approx(6.2)


def test_a_convolution_reads_windows():
    steps = step_reading(torch.arange(16.0).reshape(4, 4), torch.ones(3, 3), 2, 1)
    assert len(steps) == 4 and steps.captions[3].endswith(": 90")
    image, result = drawn(steps, 3)
    assert min(shaded(image, "marked")) == (2, 2) and max(shaded(image, "marked")) == (4, 4)
    assert len(shaded(image, "faint")) == 20  # the frame
    assert numbers(result) == [["10", "24"], ["51", "90"]]
    assert len(shaded(drawn(steps, 0)[0], "faint")) == 15  # the window covers five of it


def test_stamps_of_a_row_add():
    steps = draw.step_stamps(TWO, KERNEL, stride=2)
    assert len(steps) == 2 and steps.captions[1].startswith("11 times the kernel")
    _, copy, out = drawn(steps, 1)
    assert numbers(copy) == [["", "", "22", "33", "55"]]
    assert numbers(out) == [["14", "21", "57", "33", "55"]]
    assert shaded(out, "marked") == [(2, 0), (3, 0), (4, 0)]
    assert numbers(drawn(steps, 0)[2]) == [["14", "21", "35", "0", "0"]]


@pytest.mark.parametrize(
    ("padding", "more", "name"),
    [(0, 0, "2 x 2 to 5 x 5"), (1, 0, "2 x 2 to 3 x 3"), (1, 1, "2 x 2 to 4 x 4")],
)
def test_the_frame_holds_the_lecture_s_result(padding, more, name):
    case = next(case for case in CASES if case.name == name)
    steps = draw.step_stamps(SQUARE, torch.ones(3, 3), 2, padding, more)
    _, _, out = drawn(steps, -1)
    frames = [patch for patch in out.patches if not patch.get_fill()]
    x, y, width, height = 0, 0, 5, 5
    if padding:
        (frame,) = frames
        (x, y), width, height = frame.get_xy(), int(frame.get_width()), int(frame.get_height())
    else:
        assert not frames
    inside = [row[x : x + width] for row in numbers(out)[y : y + height]]
    assert [[float(text) for text in row] for row in inside] == case.expected[0][0]


def test_output_padding_beyond_what_is_written():
    _, _, out = drawn(draw.step_stamps(TWO, KERNEL, 2, 0, 1), -1)
    assert numbers(out)[0] == ["14", "21", "57", "33", "55", "0"]


def test_a_matrix_row_by_row():
    steps = draw.step_matrix(conv_matrix("xyz", 6).T, sympy.Matrix(sympy.symbols("a b c d")))
    ends = ["ax", "ay + bx", "az + by + cx", "bz + cy + dx", "cz + dy", "dz"]
    assert [caption.split(" gives ")[1] for caption in steps.captions] == ends
    (axes,) = drawn(steps, 1)
    marked = shaded(axes, "marked")
    assert marked[:2] == [(0, 1), (1, 1)]  # y and x, in row 1
    assert [y for _, y in marked[2:]] == [0, 1]  # a and b
    texts = [text.get_text() for text in axes.texts]
    assert "ay + bx" in texts and "dz" not in texts


def test_a_matrix_column_by_column():
    matrix = conv_matrix(torch.tensor([2.0, 3, 5]), 6, stride=2).T
    steps = draw.step_matrix(matrix, TWO[0], "columns")
    assert len(steps) == 2
    (axes,) = drawn(steps, 0)
    assert len(shaded(axes, "marked")) == 3 + 1 and len(shaded(axes, "kept")) == 3
    (axes,) = drawn(steps, 1)
    results = [text.get_text() for text in axes.texts if text.get_position()[0] > 4.5]
    assert results == ["14", "21", "57", "33", "55", "0"]
