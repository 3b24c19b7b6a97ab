"""Tables as files."""

from edudet.studies.tables import markdown, write_csv

ROWS = [{"": "a, b", "AP": 0.12345, "n": 40_000.0}, {"": "c", "AP": -1.0, "more": True}]


def test_csv_has_the_columns_of_all_rows(tmp_path):
    write_csv(tmp_path / "t.csv", ROWS)
    assert (tmp_path / "t.csv").read_text() == (
        ',AP,n,more\n"a, b",0.12345,40000.0,\nc,-1.0,,True\n'
    )


def test_markdown():
    assert markdown(ROWS) == (
        "|  | AP | n |\n| --- | ---: | ---: |\n| a, b | 0.123 | 40,000 |\n| c | -1.000 |  |\n"
    )
