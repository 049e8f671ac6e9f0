"""The cashier page that payment platforms of the sandbox share: for a phone, in two languages."""

from dataclasses import dataclass
from html import escape
from string import Template
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.money import format_yuan


@dataclass(frozen=True)
class Brand:
    """How a platform's page looks: its name and its colour (dark enough for white text)."""

    name_zh: str
    name_en: str
    colour: str


@dataclass(frozen=True)
class Form:
    """A button that posts: `name` is its id and class, `pay` is the prominent one."""

    action: str
    name: str
    zh: str
    en: str


@dataclass(frozen=True)
class Bill:
    """What the page tells; `outcome` is `open`, `paid` or `shut`."""

    description: str
    total_fen: int
    order_no: str
    outcome: str
    state_zh: str
    state_en: str


_PAGE = Template("""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>沙盒收银台 · Sandbox cashier</title>
<style>
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:#f2f3f5;color:#1a1a1a;
font:16px/1.5 system-ui,-apple-system,"PingFang SC","Noto Sans CJK SC",sans-serif}
.label{background:#8a4600;color:#fff;padding:8px 16px;text-align:center;font-size:14px}
header{background:$colour;color:#fff;padding:16px 16px 72px;text-align:center}
header b{font-size:18px}
header span{display:block;font-size:13px}
main{max-width:420px;margin:-56px auto 0;padding:0 16px 32px}
section{background:#fff;border-radius:12px;padding:24px 20px;box-shadow:0 1px 4px rgb(0 0 0/8%)}
h1{font-size:16px;font-weight:500;text-align:center;margin:0;color:#444;overflow-wrap:anywhere}
.amount{font-size:40px;font-weight:600;text-align:center;margin:8px 0 20px;line-height:1.2}
dl{margin:0;border-top:1px solid #eee;padding-top:8px}
dl div{display:flex;justify-content:space-between;gap:16px;padding:6px 0;font-size:14px}
dt{color:#5c5c5c;white-space:nowrap}
dd{margin:0;text-align:right;overflow-wrap:anywhere}
#state.paid{color:#05683a;font-weight:600}
#state.shut{color:#a3261b;font-weight:600}
button,a.back{display:block;width:100%;min-height:48px;padding:12px;margin-top:12px;border:0;
border-radius:10px;font:inherit;text-align:center;text-decoration:none;color:#1a1a1a;
background:#e3e5e8;cursor:pointer}
form:first-of-type button,a.back{margin-top:20px}
button.pay,a.back{background:$colour;color:#fff;font-weight:600}
button:focus-visible,a:focus-visible{outline:3px solid #1a1a1a;outline-offset:2px}
</style></head><body>
<div class="label" role="note">沙盒 · 不涉及真实资金 / Sandbox · no real money</div>
<header><b>$brand_zh</b><span lang="en">$brand_en</span></header>
<main><section><h1>$description</h1>
<div class="amount">¥$amount</div>
<dl><div><dt>状态 State</dt>
<dd id="state" class="$outcome">$state_zh <span lang="en">$state_en</span></dd></div>
<div><dt>商户单号 Order</dt><dd>$order_no</dd></div></dl>
$actions</section></main></body></html>
""")


def render(brand: Brand, bill: Bill, forms: tuple[Form, ...], back_url: str | None) -> Response:
    """The page. `back_url` leads to the merchant; it is escaped here, its scheme is not checked."""
    actions = "".join(
        f'<form method="post" action="{escape(form.action)}"><button class="{form.name}" '
        f'id="{form.name}">{form.zh} <span lang="en">{form.en}</span></button></form>'
        for form in forms
    )
    if back_url is not None:
        actions += (
            f'<a class="back" href="{escape(back_url)}">返回商户 '
            '<span lang="en">Back to the merchant</span></a>'
        )
    page = _PAGE.substitute(
        colour=brand.colour,
        brand_zh=brand.name_zh,
        brand_en=brand.name_en,
        description=escape(bill.description),
        amount=format_yuan(bill.total_fen),
        outcome=bill.outcome,
        state_zh=bill.state_zh,
        state_en=bill.state_en,
        order_no=escape(bill.order_no),
        actions=actions,
    )
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def wants_json(request: Request) -> bool:
    """Whether a terminal asks, not a browser."""
    return "application/json" in request.headers.get("accept", "")


def web_address(url: str | None) -> str | None:
    """The URL if a browser may be sent there, else None."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None
