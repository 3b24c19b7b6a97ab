from matplotlib.colors import to_hex

from edudet import draw
from edudet.draw.progress import draw_changes
from pictures import texts


def test_only_what_differs_from_the_predecessor_stands_out():
    rows = {"A": ("", ["x", "y"]), "B": ("A", ["x", "z"]), "C": ("A", ["w", "y"])}
    axes = draw_changes(["first", "second"], rows).axes[0]
    colours = [to_hex(patch.get_facecolor()).upper() for patch in axes.patches]
    blue, white = draw.COLOURS["kept"], "#FFFFFF"
    assert colours == [white, white, white, blue, blue, white]
    told = [text for text in texts(axes) if text]
    assert told == ["first", "second", "A", "x", "y", "B", "x", "z", "C", "from A", "w", "y"]
    z = next(text for text in axes.texts if text.get_text() == "z")
    changed = axes.patches[3]
    assert changed.get_x() < z.get_position()[0] < changed.get_x() + changed.get_width()
    assert changed.get_y() < z.get_position()[1] < changed.get_y() + changed.get_height()
    assert axes.figure.png()[:4] == b"\x89PNG"
