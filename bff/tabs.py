"""The playground's examples: every trusted document, the first steps opened."""

from bff.playground import PlaygroundTab
from bff.trusted import Documents, TrustedDocument

_OPENED = (
    "login",
    "home",
    "housing-fund-query",
    "hospital-registration",
    "water-bill-payment",
)


def playground_tabs(documents: Documents) -> list[PlaygroundTab]:
    """One example per document; its title is the first comment line of its text."""
    opened = [name for name in _OPENED if name in documents.by_name]
    others = [name for name in documents.by_name if name not in opened]
    return [_tab(documents.by_name[name], opened=name in opened) for name in [*opened, *others]]


def _tab(document: TrustedDocument, *, opened: bool) -> PlaygroundTab:
    first = document.source.partition("\n")[0]
    title = first.lstrip("# ").strip() if first.startswith("#") else document.name
    return PlaygroundTab(title, document.source, document.variables, opened=opened)
