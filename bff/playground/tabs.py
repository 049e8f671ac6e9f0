"""The playground's examples: every trusted document, the first steps opened."""

from collections.abc import Sequence

from bff.playground import PlaygroundTab
from bff.trusted.documents import Documents, TrustedDocument

_OPENED = (
    "login",
    "home",
    "housing-fund-query",
    "hospital-registration",
    "water-bill-payment",
)


def playground_tabs(documents: Documents) -> Sequence[PlaygroundTab]:
    """One example per document."""
    opened = [name for name in _OPENED if name in documents.by_name]
    others = [name for name in documents.by_name if name not in opened]
    return [_tab(documents.by_name[name], opened=name in opened) for name in [*opened, *others]]


def _tab(document: TrustedDocument, *, opened: bool) -> PlaygroundTab:
    first, _, rest = document.source.partition("\n")
    # the playground writes the title above the operation itself
    query = rest if first.startswith("#") else document.source
    # blanks stay: the page fills them at each run, `{{key}}` with another key each time
    example = {n: v for n, v in document.variables.items() if not n.startswith("$")}
    return PlaygroundTab(document.title, query, example, opened=opened)
