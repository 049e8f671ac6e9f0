"""Texts that keep naive GraphQL servers busy, for the schema in `test_limits`.

They name the fields ``item``, ``items``, ``name``, ``self(x, text)`` and ``children(first)``.
"""

from __future__ import annotations


def fill(text: str, body: str, size: int) -> str:
    """The body with as many copies of a text as the size holds; ``#`` in it is a running number."""
    copies = (size - len(body)) // (len(text) + 4)
    return body % " ".join(text.replace("#", str(n)) for n in range(copies))


def chain(count: int, twice: str) -> str:
    """Fragments each of which spreads the next more than once."""
    fragments = "".join(
        f"fragment f{n} on Item {{ {twice.replace('#', str(n + 1))} }} " for n in range(count)
    )
    return f"{{ item {{ ...f0 }} }} {fragments} fragment f{count} on Item {{ name }}"


def nested(opening: str, depth: int, inside: str = "name") -> str:
    return "{ item { " + f"{opening} {{ " * depth + inside + " }" * depth + " } }"


def overlap(width: int, depth: int) -> str:
    """Objects of one name in one selection, again and again."""
    inside = "name"
    for _ in range(depth):
        inside = " ".join([f"self {{ {inside} }}"] * width)
    return f"{{ item {{ {inside} }} }}"


def attacks(size: int) -> dict[str, str]:
    """By name, texts of up to about `size` characters (some are as bad when small)."""
    made = {
        "fragments fan out": chain(size // 1_300, "...f# ...f# ...f#"),
        "fragments fan out through fields": chain(
            size // 1_300, "a: self { ...f# } b: self { ...f# }"
        ),
        "fragments fan out through one field": chain(
            size // 1_300, "self { ...f# } self { ...f# }"
        ),
        "fragments fan out in inline fragments": chain(
            size // 1_600, "... on Item { ...f# } ... on Named { ... on Item { ...f# } }"
        ),
        "a fragment cycle": chain(size // 1_300, "self { ...f# } ...f0"),
        "every fragment spreads every other": " ".join(
            ["{ item { ...f0 } }"]
            + [
                f"fragment f{n} on Item {{ {' '.join(f'...f{m}' for m in range(size // 3_000))} }}"
                for n in range(size // 3_000)
            ]
        ),
        "a long chain of fragments": chain(size // 40, "...f#"),
        "many operations over many fragments": (
            " ".join(f"query q{n} {{ item {{ ...f0 }} }}" for n in range(size // 640))
            + chain(size // 1_300, "...f#")
        ),
        "overlapping objects": fill("item { name }", "{ %s }", size),
        "overlapping objects, nested": overlap(3, 5),
        "overlapping objects, narrow and deep": overlap(2, 7),
        "overlapping inline fragments": fill("... on Query { item { name } }", "{ %s }", size),
        "overlapping fields with arguments": fill("self(x: 1) { name }", "{ item { %s } }", size),
        "conflicting fields": fill("a: self(x: #) { name }", "{ item { %s } }", size),
        "equal leaves": fill("name", "{ item { %s } }", size),
        "aliases": fill("a#: item { name }", "{ %s }", size),
        "aliases of leaves": fill("a#: name", "{ item { %s } }", size),
        "directives on one field": fill("@skip(if: false)", "{ item %s { name } }", size),
        "unknown directives": fill("@d#", "{ item %s { name } }", size),
        "nested fields": nested("self", size // 13),
        "nested fields, just below the parser's limit": nested("self", 190),
        "nested inline fragments": nested("... on Item", 190),
        "nested lists in an argument": "{ item(x: " + "[" * (size // 2) + "]" * (size // 2) + ") }",
        "nested objects in an argument": "{ item(x: " + "{a: " * 190 + "1" + "}" * 190 + ") }",
        "missing fragments": fill("...missing#", "{ item { %s } }", size),
        "missing fields": fill("nam#", "{ item { %s } }", size),
        "missing types": fill("... on Itm# { name }", "{ item { %s } }", size),
        "missing arguments": fill("y#: 1", "{ item { self(%s) { name } } }", size),
        "unused fragments": fill("fragment u# on Item { name }", "{ item { name } } %s", size),
        "unused variables": fill("$v#: Int", "query (%s) { item { name } }", size),
        "used variables": (
            "query ("
            + " ".join(f"$v{n}: Int" for n in range(size // 320))
            + ") { item { "
            + " ".join(f"a{n}: self(x: $v{n}) {{ name }}" for n in range(size // 700))
            + " } }"
        ),
        "a huge string": '{ item { self(text: "' + "x" * size + '") { name } } }',
        "a huge block string": '{ item { self(text: """'
        + "x\n" * (size // 2)
        + '""") { name } } }',
        "escapes": '{ item { self(text: "' + "\\u{1F600}" * (size // 9) + '") { name } } }',
        "a huge number": "{ item { self(x: " + "9" * size + ") { name } } }",
        "a huge page": "{ item { children(first: " + "9" * size + ") { name } } }",
        "a huge name": "{ " + "x" * size + " }",
        "comments": "#\n" * (size // 2) + "{ item { name } }",
        "one comment": "#" + "名" * (size // 3) + "\n{ item { name } }",
        "white space": "\n,\t " * (size // 4) + "{ item { name } }",
        "unicode": "{ item { " + "名" * (size // 3) + " } }",
        "half surrogates": '{ item { self(text: "' + "\ud800" * (size // 3) + '") { name } } }',
        "introspection": fill(
            "a#: __schema { types { fields { type { name } } } }", "{ %s }", size
        ),
        "introspection in circles": (
            "{ __schema { types " + "{ fields { type " * 60 + "{ name }" + "} }" * 60 + " } }"
        ),
        "unbalanced": "{ item " * (size // 8),
        "type definitions": fill("type T# { a: Int }", "%s", size),
        "subscriptions": fill("item { name }", "subscription { %s }", size),
    }
    return {name: text[:size] if size else text for name, text in made.items()}
