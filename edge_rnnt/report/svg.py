"""A Matplotlib figure as SVG that reads on light and on dark paper, alone or within a page.

Text stays text. Each colour of COLORS becomes a CSS variable with a light and a dark value, chosen
by the reader's system; colours beside these stay as they are drawn.
"""

import io
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

import matplotlib
import matplotlib.figure

# name: (light, dark). The first is what is drawn; so no two may be equal.
COLORS: Mapping[str, tuple[str, str]] = {
  "ink": ("#24292f", "#e4e6e8"),
  "soft": ("#66707a", "#9aa3ab"),
  "line": ("#d5d9dd", "#3a4046"),
  "float": ("#2f6fce", "#7fb0ff"),
  "hybrid": ("#b86400", "#f2a94a"),
  "integer": ("#08805c", "#45cfa0"),
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def to_svg(
  figure: matplotlib.figure.Figure, *, name: str, title: str, points: Mapping[str, str]
) -> str:
  """One <svg> element without a prolog.

  name: prefix of every id, so that several figures fit in one page. title: read out in place of the
  picture. points: id (set_gid) of parts of the figure -> what is shown when pointed at.
  """
  drawn = io.StringIO()
  with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
  text = drawn.getvalue()
  text = text[text.index("<svg") :]
  for unwanted in ("metadata", "style"):  # outside addresses; a rule for the whole page
    text = re.sub(rf"<{unwanted}.*?</{unwanted}>\s*", "", text, flags=re.DOTALL)
  for gid, shown in points.items():
    text = text.replace(f'<g id="{gid}">', f'<g id="{gid}"><title>{escape(shown)}</title>', 1)
  text = re.sub(r'\bid="', f'id="{name}-', text)
  text = re.sub(r"url\(#", f"url(#{name}-", text)
  text = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', text)
  text = re.sub(r"font-family: [^;\"]*", f"font-family: {FONT}", text)
  for color, (light, _) in COLORS.items():
    text = re.sub(light, f"var(--{color})", text, flags=re.IGNORECASE)
  return re.sub(r"<svg [^>]*>", lambda match: _head(match[0], title), text, count=1)


def _head(opening: str, title: str) -> str:
  """The opening tag without fixed size, the title, and the two sets of colours."""
  box = re.search(r'viewBox="[^"]*"', opening)
  if box is None:
    raise RuntimeError(f"Matplotlib drew an SVG without a viewBox: {opening}")
  light, dark = ("".join(f"--{color}:{pair[i]};" for color, pair in COLORS.items()) for i in (0, 1))
  return (
    f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" {box[0]} role="img">'
    f"<title>{escape(title)}</title>"
    f"<style>.plot{{{light}}}.plot *{{stroke-linejoin:round;stroke-linecap:butt}}"
    f"@media (prefers-color-scheme:dark){{.plot{{{dark}}}}}</style>"
  )
