from edudet import draw


def test_times_are_drawn_longest_first():
    figure = draw.draw_times({"quick": 1e-6, "slow": 2e-3})
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["slow", "quick"]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2 ms   2,000×", "1 µs"]


def test_a_race_calls_every_form():
    called = []
    forms = {name: lambda x, name=name: called.append((name, x)) for name in ("a", "b")}
    figure = draw.race(forms, 3, at_least=0.001)
    assert {("a", 3), ("b", 3)} == set(called) and len(figure.axes[0].patches) == 2
