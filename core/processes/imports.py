"""The tree's own imports, read from its sources: who needs whom, circles, a picture of it all."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, set[str]]
"""Names and the names they need."""

TOPS = ("bff", "modules", "credit", "kinds", "payments", "notifications", "core", "sandbox")
BEGIN, END = "<!-- drawn by `quancheng architecture` -->", "<!-- end of what is drawn -->"


def read_imports(root: Path) -> dict[str, set[str]]:
    """Every module of the tree with the modules of the tree it imports, also for type checking.

    A package stands for its `__init__.py`. Migrations are history and left out.
    """
    files = {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for top in TOPS
        for file in (root / top).rglob("*.py")
        if "migrations" not in file.parts
    }
    return {
        module: {name for name in _imported(module, file, files) if name in files} - {module}
        for module, file in files.items()
    }


def _imported(module: str, file: Path, files: Mapping[str, Path]) -> Iterator[str]:
    package = module.split(".")[: None if file.name == "__init__.py" else -1]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in files else base


def fold(graph: Graph, names: Mapping[str, str]) -> dict[str, set[str]]:
    """The graph of coarser things: each name is part of the thing that `names` gives for it.

    What `names` leaves out is left out.
    """
    folded: dict[str, set[str]] = {thing: set() for thing in names.values()}
    for source, targets in graph.items():
        if source in names:
            folded[names[source]] |= {names[target] for target in targets if target in names}
    return {thing: needed - {thing} for thing, needed in folded.items()}


def find_circles(graph: Graph) -> list[tuple[str, ...]]:
    """Every largest set of things that reach one another, sorted."""
    reached = {name: _reach(graph, name) for name in graph}
    circles = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return sorted(circles)


def _reach(graph: Graph, start: str) -> set[str]:
    reached, ahead = set[str](), list(graph[start])
    while ahead:
        if (name := ahead.pop()) not in reached:
            reached.add(name)
            ahead += graph[name]
    return reached


def draw(graph: Graph) -> str:
    """The pictures: the parts of the house, then the rooms of `core` and of the edge."""
    parts = {module: _part(module) for module in graph if module != "modules"}
    pictures = [("The parts of the house", fold(graph, parts))]
    for top, title in (("core", "The rooms of `core`"), ("bff", "The rooms of the edge")):
        rooms = {module: _room(module, graph) for module in graph if module.startswith(f"{top}.")}
        pictures.append((title, fold(graph, rooms)))
    return "\n".join(f"{title}:\n\n{_mermaid(picture)}" for title, picture in pictures)


def _part(module: str) -> str:
    return ".".join(module.split(".")[: 2 if module.startswith("modules.") else 1])


def _room(module: str, graph: Graph) -> str:
    """The package right below the top; modules that lie flat in the top are one room."""
    top, name, *_ = module.split(".")
    inside = f"{top}.{name}."
    return name if any(other.startswith(inside) for other in graph) else f"{top}/*.py"


def _mermaid(graph: Graph) -> str:
    """A flow chart; an arrow that follows from others is left out."""
    numbers = {name: f"n{number}" for number, name in enumerate(sorted(graph))}
    lines = [f'    {number}["{name}"]' for name, number in numbers.items()]
    for name in numbers:
        for needed in sorted(graph[name]):
            if not any(needed in _reach(graph, other) for other in graph[name] - {needed}):
                lines.append(f"    {numbers[name]} --> {numbers[needed]}")
    return "\n".join(["```mermaid", "flowchart TB", *lines, "```", ""])


def redraw(page: str, graph: Graph) -> str:
    """The page with the pictures anew. Raises ValueError where it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no place for the picture")
    return f"{before}{BEGIN}\n\n{draw(graph)}\n{END}{after}"
