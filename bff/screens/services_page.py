"""/services: every service of the city on one page for a phone, by theme, each ready to try, with
what it said when the probe asked it last.

`?q=` shows those whose names or themes hold a word. `/` leads there.
"""

from collections.abc import Mapping
from datetime import timedelta
from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bff.probe.store import Checked, read_checks
from bff.transports.endpoint import Edge
from core.catalogue import Service, ServiceStatus, Theme
from core.database import is_unavailable
from core.texts import Locale, Text

_THEMES = {
    Theme.GOVERNMENT: Text("GOVERNMENT", "政务服务", "Government"),
    Theme.MOBILITY: Text("MOBILITY", "交通出行", "Mobility"),
    Theme.HEALTH: Text("HEALTH", "医疗健康", "Health"),
    Theme.COMMUNITY: Text("COMMUNITY", "社区生活", "Community"),
    Theme.LOVE_CITY: Text("LOVE_CITY", "民生保障", "Livelihood"),
    Theme.SAFETY: Text("SAFETY", "平安城市", "Safety"),
    Theme.FINANCE: Text("FINANCE", "金融服务", "Finance"),
}
_LIVE = Text("LIVE", "可用", "live")
_ANSWERS = Text("ANSWERS", "可用 {ms} 毫秒", "live, {ms} ms")
_SILENT = Text("SILENT", "无应答", "no answer")
_PLANNED = Text("PLANNED", "筹备中", "planned")
_SEARCH = Text("SEARCH", "查找服务", "Find a service")
_LOG_IN = Text("LOG_IN", "登录", "Log in")
_NONE = Text("NONE", "没有找到", "Nothing found")
_QUERY_MAX_CHARS = 40
_COUNT = Text("COUNT", "共 {all} 项服务，{live} 项可用", "{all} services, {live} of them live")
_ALL_ANSWER = Text(
    "ALL_ANSWER", "；{minutes} 分钟前自检，全部应答", "; asked {minutes} min ago, all answered"
)
_SOME_SILENT = Text(
    "SOME_SILENT",
    "；{minutes} 分钟前自检，{silent} 项无应答",
    "; asked {minutes} min ago, {silent} did not answer",
)
_CHECKS_SHOWN = 3
"""For so many rounds a check is shown; older ones say nothing of now."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Language",
}

_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 44rem; padding: 1rem;
  color: #1d2433; background: #f4f6f9 }}
h1 {{ font-size: 1.3rem; margin: 0 }}
h2 {{ font-size: 1rem; margin: 1.5rem 0 .5rem; color: #4a5568 }}
ul {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem;
  list-style: none; margin: 0; padding: 0 }}
li > * {{ display: block; height: 100%; box-sizing: border-box; padding: .6rem .7rem;
  border-radius: .6rem; background: #fff; color: inherit; text-decoration: none }}
a:focus, a:hover {{ outline: 2px solid #2b6cb0 }}
small {{ display: block; color: #4a5568 }}
.planned {{ background: #e9edf3; color: #4a5568 }}
.answers small::before, .silent small::before {{ content: ""; display: inline-block; width: .5rem;
  height: .5rem; margin-right: .35rem; border-radius: 50%; background: #2f855a }}
.silent small {{ color: #c53030 }}
.silent small::before {{ background: #c53030 }}
input {{ box-sizing: border-box; width: 100%; padding: .6rem .7rem; border: 1px solid #cbd5e0;
  border-radius: .6rem; background: #fff; color: inherit; font: inherit }}
nav {{ float: right }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e2e8f0; background: #171c26 }}
  h2, small, .planned {{ color: #a0aec0 }}
  li > *, input {{ background: #232b3a; border-color: #3a4557 }}
  .planned {{ background: #1d2430 }}
  .answers small::before {{ background: #68d391 }}
  .silent small {{ color: #fc8181 }}
  .silent small::before {{ background: #fc8181 }}
  nav a {{ color: #90cdf4 }}
}}
</style>
</head>
<body>
{nav}<h1>{title}</h1>
<p>{count}</p>
<form role="search"><input type="search" name="q" value="{wanted}" placeholder="{search}"
  aria-label="{search}"></form>
{themes}
</body>
</html>
"""


def services_routes(edge: Edge) -> list[Route]:
    """The page's address, and the city's own, which leads there."""

    async def services(request: Request) -> Response:
        locale = Locale.from_header(request.headers.get("accept-language"))
        wanted = request.query_params.get("q", "").strip()[:_QUERY_MAX_CHARS]
        checks = await _read_checks(edge)
        return HTMLResponse(_page(edge, checks, locale, wanted), headers=_HEADERS)

    async def root(_request: Request) -> Response:
        return RedirectResponse("/services")

    return [Route("/services", services), Route("/", root)]


async def _read_checks(edge: Edge) -> Mapping[str, Checked]:
    """What services said last; nothing while the database is away."""
    shown_for = timedelta(seconds=_CHECKS_SHOWN * edge.app.settings.probe_every_s)
    try:
        return await read_checks(edge.app.clock.now() - shown_for)
    except Exception as error:
        if not is_unavailable(error):
            raise
        return {}


def _holds(tile: Service, wanted: str) -> bool:
    theme = _THEMES[tile.theme]
    words = (tile.id, tile.name_zh, tile.name_en, theme.zh, theme.en)
    return any(wanted.casefold() in word.casefold() for word in words)


def _page(edge: Edge, checks: Mapping[str, Checked], locale: Locale, wanted: str) -> str:
    every = list(edge.app.services.values())
    tiles = [tile for tile in every if _holds(tile, wanted)]
    live = sum(tile.status is ServiceStatus.LIVE for tile in every)
    themes = []
    for theme, name in _THEMES.items():
        cards = "\n".join(
            _tile(edge, tile, checks.get(tile.id), locale) for tile in tiles if tile.theme is theme
        )
        if cards:
            themes.append(
                f'<section id="{theme}"><h2>{escape(name.say(locale))}</h2>\n'
                f"<ul>\n{cards}\n</ul></section>"
            )
    return _PAGE.format(
        lang="zh-CN" if locale is Locale.ZH else "en",
        title=escape(edge.app.city.app_name.say(locale)),
        count=escape(
            _COUNT.say(locale, all=len(every), live=live) + _status_of(edge, checks, locale)
        ),
        nav=_log_in(edge, locale),
        search=escape(_SEARCH.say(locale)),
        wanted=escape(wanted),
        themes="\n".join(themes) or f"<p>{escape(_NONE.say(locale))}</p>",
    )


def _log_in(edge: Edge, locale: Locale) -> str:
    """A way to the playground's log-in, where there is a playground."""
    document = edge.documents.by_name.get("login")
    if document is None or edge.app.settings.is_production:
        return ""
    link = escape(f"/graphql?{urlencode({'open': document.title})}")
    return f'<nav><a href="{link}">{escape(_LOG_IN.say(locale))}</a></nav>\n'


def _status_of(edge: Edge, checks: Mapping[str, Checked], locale: Locale) -> str:
    """When services were asked last, and how many did not answer."""
    if not checks:
        return ""
    last = max(checked.at for checked in checks.values())
    minutes = max(1, round((edge.app.clock.now() - last).total_seconds() / 60))
    silent = sum(checked.check.fault is not None for checked in checks.values())
    if not silent:
        return _ALL_ANSWER.say(locale, minutes=minutes)
    return _SOME_SILENT.say(locale, minutes=minutes, silent=silent)


def _state(tile: Service, checked: Checked | None, locale: Locale) -> tuple[str, str]:
    """The tile's class and its words."""
    if tile.status is not ServiceStatus.LIVE:
        return "planned", _PLANNED.say(locale)
    if checked is None:
        return "live", _LIVE.say(locale)
    if checked.check.fault is not None:
        return "silent", _SILENT.say(locale)
    return "answers", _ANSWERS.say(locale, ms=checked.check.latency_ms)


def _tile(edge: Edge, tile: Service, checked: Checked | None, locale: Locale) -> str:
    name = tile.name_zh if locale is Locale.ZH else tile.name_en
    kind, state = _state(tile, checked, locale)
    words = f"{escape(name)}<small>{tile.number} · {escape(state)}</small>"
    document = edge.documents.for_service(tile.id)
    if document is None or edge.app.settings.is_production:
        return f'<li id="{tile.id}"><span class="{kind}">{words}</span></li>'
    link = escape(f"/graphql?{urlencode({'open': document.title})}")
    return f'<li id="{tile.id}"><a class="{kind}" href="{link}">{words}</a></li>'
