"""The parameters of an estimator in groups.

numpydoc knows one list of parameters. The docstrings have them in groups, one after the other. This
puts a heading before the first of each group, and an overview before all of them.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

Groups = dict[str, list[nodes.definition_list_item]]


def _is_parameters(field: nodes.field) -> bool:
    return field.children[0].astext() == "Parameters"


def _name(item: nodes.definition_list_item) -> str:
    return item.children[0].astext()


def _grouped(parameters: nodes.definition_list, heads: dict[str, str]) -> Groups:
    """Return the parameters by the headings, each given by the parameter that comes first."""
    missing = set(heads) - {_name(item) for item in parameters.children}
    if missing:
        raise ValueError(f"parameter_groups must name parameters. Got {sorted(missing)}.")
    groups: Groups = {}
    heading = ""
    for item in parameters.children:
        heading = heads.get(_name(item), heading)
        groups.setdefault(heading, []).append(item)
    return groups


def _overview(groups: Groups) -> nodes.bullet_list:
    """Return a line for each group, with links to its parameters."""
    overview = nodes.bullet_list(classes=["parameter-overview"])
    for heading, items in groups.items():
        line = nodes.paragraph("", "", nodes.strong(text=heading), nodes.Text(": "))
        for place, item in enumerate(items):
            target = item.children[0]["ids"][0]
            link = nodes.reference("", "", nodes.literal(text=_name(item)), refid=target)
            line += [nodes.Text(", ")] * bool(place) + [link]
        overview += nodes.list_item("", line)
    return overview


def _parts(groups: Groups) -> list[nodes.Element]:
    """Return a heading and a list for each group."""
    parts: list[nodes.Element] = []
    for heading, items in groups.items():
        parts.append(nodes.rubric(text=heading, classes=["parameter-group"]))
        parts.append(nodes.definition_list("", *items))
    return parts


def _add_headings(app: Sphinx, doctree: nodes.document) -> None:
    heads = app.config.parameter_groups.get(app.env.docname.rpartition("/")[2])
    if heads is None:
        return
    field = next(field for field in doctree.findall(nodes.field) if _is_parameters(field))
    parameters = next(field.findall(nodes.definition_list))
    for item in parameters.children:
        item.children[0]["ids"] = [f"parameter-{_name(item)}".replace(", ", "-")]
    groups = _grouped(parameters, heads)
    parameters.replace_self([_overview(groups), *_parts(groups)])


def setup(app: Sphinx) -> dict[str, bool]:
    """Read `parameter_groups`: of a page, the heading before each parameter that begins a group."""
    app.add_config_value("parameter_groups", {}, "env", types=(dict,))
    app.connect("doctree-read", _add_headings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
