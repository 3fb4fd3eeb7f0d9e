"""What the pages of a report share: one frame, which holds the style and a policy that lets a browser load nothing."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
WITH_SCRIPT = f"{POLICY}; script-src 'unsafe-inline'"


def page(template: str, title: str, policy: str, fields: Mapping[str, str]) -> str:
    """A whole page: the template of this folder, with its fields, in the frame; `title` is HTML and a field, too."""
    body = Template(part(template)).substitute({"title": title, **fields})
    return Template(part("frame.html")).substitute(title=title, policy=policy, style=part("style.css"), body=body)


def part(name: str) -> str:
    """The text of a file beside this one."""
    return resources.files("experiments.report").joinpath(name).read_text(encoding="utf-8")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls sideways; titles are escaped here, cells are HTML."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
