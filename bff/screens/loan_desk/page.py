"""/desk/loans: the page's HTML, its words in the reader's language, its script and style.

It holds no data: the script runs trusted operations with the officer's own session, so the page
shows what the officer may see and nothing else. No script is inline, nothing comes from elsewhere.
"""

import json
from hashlib import sha256
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bff.screens.loan_desk.words import WORDS
from bff.transports.endpoint import Edge
from core.clock import civil_date
from core.texts import Locale

PATH = "/desk/loans"
_FILES = {"desk.js": "text/javascript", "charts.js": "text/javascript", "desk.css": "text/css"}
_FOLDER = Path(__file__).parent / "static"
_OPERATIONS = (
    *("RequestLoginCode", "StaffLogIn", "RefreshSession"),
    *("BankLoanFigures", "BankLoanApplications", "BankLoanApplication"),
    *("OfferLoan", "RefuseLoan", "AskLoanDocument"),
    *("LoanFigures", "LoanReviews", "LoanReview", "TakeLoanReview", "SettleLoanReview"),
    *("LoanRegistry", "LoanProductProposals", "DecideLoanProduct"),
)
"""What the script runs."""
_UNIT_FEN = {Locale.ZH: 1_000_000, Locale.EN: 100_000_000}
"""What one of the word `unit` is, in fen: 万元, a million yuan."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{path}/desk.css?{version}">
<script type="application/json" id="config">{config}</script>
<script type="module" src="{path}/desk.js?{version}"></script>
</head>
<body><header><h1>{title}</h1><nav id="tabs"></nav><a id="language" href="?lang={other}"
  hreflang="{other}">{other_name}</a></header>
<p id="notice" role="status" hidden></p><main id="main"></main></body>
</html>
"""


def loan_desk_routes(edge: Edge) -> list[Route]:
    """The page and its three files."""
    bodies = {name: (_FOLDER / name).read_bytes() for name in _FILES}
    version = sha256(b"".join(bodies.values())).hexdigest()[:12]

    async def page(request: Request) -> Response:
        chosen = request.query_params.get("lang") or request.headers.get("accept-language")
        locale = Locale.from_header(chosen)
        headers = _HEADERS | {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
        return HTMLResponse(_html(edge, locale, version), headers=headers)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in bodies:
            return Response(status_code=404, headers=_HEADERS)
        headers = _HEADERS | {"Cache-Control": "public, max-age=300"}
        return Response(bodies[name], headers=headers, media_type=_FILES[name])

    return [Route(PATH, page), Route(f"{PATH}/{{name}}", file)]


def _html(edge: Edge, locale: Locale, version: str) -> str:
    ids = {one.name: one.id for one in edge.documents.operations.values()}
    config = {
        "locale": locale.value,
        "today": civil_date(edge.app.clock.now()).isoformat(),
        "unitFen": _UNIT_FEN[locale],
        "operations": {name: ids[name] for name in _OPERATIONS},
        "words": {word: named.say(locale) for word, named in WORDS.items()},
    }
    other = Locale.EN if locale is Locale.ZH else Locale.ZH
    return _PAGE.format(
        lang="zh-CN" if locale is Locale.ZH else "en",
        title=escape(WORDS["title"].say(locale)),
        path=PATH,
        version=version,
        # JSON that cannot end the script element it stands in
        config=json.dumps(config, ensure_ascii=False).replace("<", "\\u003c"),
        other=other.value,
        other_name="中文" if other is Locale.ZH else "English",
    )
