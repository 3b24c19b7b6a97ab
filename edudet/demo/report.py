"""The demo's page: one file, pictures inside, nothing to fetch."""

import base64
from html import escape
from pathlib import Path

from edudet.demo.comparison import Row
from edudet.demo.figures import Picture
from edudet.demo.gallery import write_gallery

STYLE = """
:root { --ink: #1c2430; --paper: #fbfaf7; --card: #fff; --line: #d9d5cc; --soft: #5b6472; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --paper: #15181d; --card: #1e232b; --line: #39404b; --soft: #a3abb8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.55 Georgia, "DejaVu Serif", serif; }
main { max-width: 880px; margin: 0 auto; padding: 3rem 1.2rem 4rem; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 0 0 .4rem; }
p { margin: .3rem 0 1rem; } .lead { color: var(--soft); font-size: 1.1rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.3rem 1.5rem 1.5rem; margin: 1.6rem 0; overflow-x: auto; }
img { display: block; max-width: 100%; margin: 0 auto; background: #fff; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font: 15px/1.4 "DejaVu Sans", sans-serif; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.reason { color: var(--soft); }
"""

LESSONS = (
    "In the notebooks every idea of the course is stepped through: `make lab` opens them. One step "
    "of each of nine lessons:"
)


def write(folder: Path, title: str, pictures: list[Picture], rows: list[Row]) -> Path:
    sections = []
    for name, heading, text, figure in pictures:
        figure.savefig(folder / f"{name}.png", dpi=130)
        sections.append(_section(heading, text, folder / f"{name}.png"))
    write_gallery(folder / "gallery.png")
    lessons = _section("The lessons", LESSONS, folder / "gallery.png")
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>edudet: {escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>Detection as classification</h1>
<p class="lead">A window walks over the photo, a classifier says of each place whether it shows the
object, and suppression leaves one box for each: {escape(title)}.</p>
{"".join(sections)}
<section>
<h2>One operator, written several ways</h2>
<p>Every form of every operator on the boxes of this page. They agree; that is tested. What differs
is the time.</p>
{_table(rows)}
</section>
{lessons}</main>
</body>
</html>
"""
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _section(heading: str, text: str, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f"<section>\n<h2>{escape(heading)}</h2>\n<p>{escape(text)}</p>\n"
        f'<img alt="{escape(heading)}" src="data:image/png;base64,{data}">\n</section>\n'
    )


def _table(rows: list[Row]) -> str:
    head = '<th>operator</th><th>form</th><th class="number">largest difference</th>'
    head += '<th class="number">median ms</th><th class="number">times the loop</th>'
    lines = []
    for row in rows:
        cells = f"<td>{escape(row.operator)}</td><td>{escape(row.form)}</td>"
        if row.reason:
            cells += f'<td class="reason" colspan="3">{escape(row.reason)}</td>'
        else:
            cells += "".join(f'<td class="number">{number}</td>' for number in row.numbers())
        lines.append(f"<tr>{cells}</tr>")
    return f"<table><tr>{head}</tr>\n" + "\n".join(lines) + "</table>"
