"""The validation report: one self-contained HTML page, Chinese and English side by side."""

from collections.abc import Mapping
from html import escape
from typing import Any

from credit.engine.decision import NOTICE
from credit.registry.evidence import finding_text
from credit.training.charts import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Plot,
    horizontal_bars,
    intervals,
)
from credit.training.fairness import LEAST_RATIO
from credit.training.sample import SampleKind
from credit.training.use import use_section

_STYLE = """
:root{color-scheme:light}body{font:15px/1.5 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif;
color:#222;max-width:1020px;margin:24px auto;padding:0 16px}h1{font-size:24px;margin:0}
h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid #ddd}
table{border-collapse:collapse;margin:8px 0}td,th{padding:4px 12px;border-bottom:1px solid #e5e5e5;
text-align:right}td:first-child,th:first-child{text-align:left}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:16px}
svg{width:100%;height:auto;background:#fff;border:1px solid #eee;border-radius:6px}
svg text{font-family:inherit}.t{font-size:13px;font-weight:600;fill:#222}
.a{font-size:11px;fill:#555}.e{text-anchor:end}.m{text-anchor:middle}.g{stroke:#e5e5e5}
.warn{background:#fff4e0;border-left:5px solid #e69f00;padding:10px 14px;margin:12px 0}
.sim{background:#fde8e8;border-left:5px solid #d55e00;padding:10px 14px;font-weight:600}
.good{background:#e6f4ea;border-left:5px solid #009e73;padding:10px 14px;font-weight:600}
.use td,.use th{text-align:left;vertical-align:top}.use th{white-space:nowrap;color:#555}
@media print{.page{break-after:page}}
.small{color:#555;font-size:13px}code{font-size:12px;overflow-wrap:anywhere}
"""


def render(result: Mapping[str, Any]) -> str:
    """The page for one evaluation."""
    title = f"{result['title'][0]} · {result['title'][1]}"
    sections = [
        _head(result, title),
        use_section(result),
        _figures(result),
        _warnings(result),
        "<div class='page'></div>",
        "<h2>区分与校准 · Discrimination and calibration</h2><div class='grid'>",
        _roc(result), _ks(result), _calibration(result), _scores(result), _lift(result),
        "</div>",
        _time(result),
        _features(result),
        _fairness(result),
        _provenance(result),
    ]  # fmt: skip
    return (
        "<!doctype html><html lang='zh'><head><meta charset='utf-8'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        + "".join(sections)
        + "</body></html>"
    )


def _head(result: Mapping[str, Any], title: str) -> str:
    label = ""
    if result["simulated"]:
        label = "<p class='sim'>模拟数据，非真实企业 · SIMULATED DATA, no real enterprise</p>"
    return (
        f"<h1>信用模型验证报告 · Credit model validation</h1><p>{escape(title)}<br>"
        f"<span class='small'>{escape(NOTICE[0])} · {escape(NOTICE[1])}</span></p>{label}"
        f"{_sample(result)}"
    )


def _sample(result: Mapping[str, Any]) -> str:
    """What rows were measured, and loudly so if the model has seen them."""
    rows, left = f"{result['rows']:,}", f"{result['rows_left_out']:,}"
    window = " – ".join(str(day) for day in result["window"])
    if result["sample"] == SampleKind.OUT_OF_TIME:
        return (
            f"<p>训练窗口之后的 {rows} 笔（{window}）；另有 {left} 笔未计入。<br>"
            f"{rows} loans after the training window; {left} others left out.</p>"
        )
    if result["sample"] == SampleKind.OUT_OF_SAMPLE:
        return (
            f"<p>模型未见过的 {rows} 笔（无日期，非时间外样本）；另有 {left} 笔未计入。<br>"
            f"{rows} loans that the model has not seen (no dates: not later ones); "
            f"{left} left out.</p>"
        )
    seen = f"{result['rows_seen_in_training']:,}"
    return (
        f"<p class='sim'>样本内：{rows} 笔中 {seen} 笔用于训练，以下数字不代表实际表现<br>"
        f"IN SAMPLE: {seen} of {rows} loans were trained on; "
        "no figure here says what the model will do</p>"
    )


def _figures(result: Mapping[str, Any]) -> str:
    rows = {"本模型 · this model": result["figures"], **result["peers"]}
    body = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{_interval(figures[key])}</td>" for key in ("auc", "ks", "brier"))
        + "</tr>"
        for name, figures in rows.items()
    )
    own = result["figures"]
    again = result["recalibrated"]
    brier = (
        f"<p>首季重校准后 Brier · Brier after recalibrating on the first quarter: "
        f"<b>{again['brier']:.4f}</b>（基准违约率自身 · base rate's own: "
        f"{own['brier_base_rate']:.4f}）</p>"
        if again
        else ""
    )
    return (
        "<h2>主要结果 · Figures (95 % bootstrap)</h2><table><tr><th></th><th>AUC</th><th>KS</th>"
        f"<th>Brier</th></tr>{body}</table>"
        f"<p>平均预测违约率 · mean PD {own['mean_prob']:.3f}，实际 · observed "
        f"{result['base_rate']:.3f}；校准误差 · calibration error "
        f"{own['calibration_error']:.3f}；{_outcomes(result)}</p>"
        f"{brier}"
    )


def _outcomes(result: Mapping[str, Any]) -> str:
    rates = result["outcome_rates"]
    return (
        f"批准 · approve {rates['approve']:.3f}，转人工 · refer {rates['refer']:.3f}，"
        f"拒绝 · decline {rates['decline']:.3f}（{escape(result['policy'])}）"
    )


def _interval(figure: Mapping[str, float]) -> str:
    low, high = figure["low"], figure["high"]
    return f"{figure['value']:.4f} <span class='small'>({low:.3f}–{high:.3f})</span>"


def _warnings(result: Mapping[str, Any]) -> str:
    leaky = result["leaky"]
    if not leaky:
        return ""
    worst = leaky["worst"]
    listed = "、".join(
        f"{escape(name)} {value:.3f}"
        for name, value in sorted(leaky["auc"].items(), key=lambda item: -item[1])
    )
    return (
        f"<p class='warn'>若误用事后列 <code>{escape(worst)}</code>，AUC 将虚高至 "
        f"<b>{leaky['auc'][worst]:.3f}</b>；真实可得为 {result['figures']['auc']['value']:.3f}。"
        f"<br>With the outcome-contaminated column <code>{escape(worst)}</code> the AUC would "
        f"read {leaky['auc'][worst]:.3f}; honestly it is "
        f"{result['figures']['auc']['value']:.3f}.<br><span class='small'>{listed}</span></p>"
    )


def _roc(result: Mapping[str, Any]) -> str:
    plot = Plot(
        "ROC", (0, 1), (0, 1), "好客户误拒 · false positive rate", "坏客户识别 · true positive rate"
    )
    plot.line([(0, 0), (1, 1)], GREY, dashed=True)
    for (name, peer), colour in zip(result["peers"].items(), (ORANGE, GREEN), strict=False):
        plot.line(peer["roc"], colour, f"{name} {peer['auc']['value']:.3f}")
    value = result["figures"]["auc"]["value"]
    plot.line(result["curves"]["roc"], BLUE, f"本模型 this model {value:.3f}")
    return plot.svg()


def _ks(result: Mapping[str, Any]) -> str:
    curve = result["curves"]["ks"]
    value = result["figures"]["ks"]["value"]
    top = max([0.1, *(gap for _, gap in curve)]) * 1.2
    low = min([0.0, *(gap for _, gap in curve)])
    plot = Plot(
        f"KS = {value:.3f}",
        (0, 1),
        (low, top),
        "坏客户累计占比 · share of bad loans",
        "分布差 · gap",
    )
    plot.line(curve, BLUE)
    return plot.svg()


def _calibration(result: Mapping[str, Any]) -> str:
    bands = result["curves"]["calibration"]
    top = max(max(pair) for pair in bands) * 1.1
    plot = Plot("校准 · Calibration", (0, top), (0, top), "预测 · predicted", "实际 · observed")
    plot.line([(0, 0), (top, top)], GREY, "完全一致 perfect", dashed=True)
    plot.line(bands, BLUE)
    plot.dots(bands, BLUE, "各十分位 deciles of risk")
    return plot.svg()


def _scores(result: Mapping[str, Any]) -> str:
    edges, shares = result["curves"]["score_edges"], result["curves"]["score_shares"]
    top = max(max(shares["good"]), max(shares["bad"])) * 1.25
    plot = Plot(
        "评分分布 · Score distributions", (edges[0], edges[-1]), (0, top),
        "违约对数几率 · log-odds of default", "占比 · share",
    )  # fmt: skip
    for name, colour, label in (("good", BLUE, "正常 paid"), ("bad", RED, "违约 defaulted")):
        for i, share in enumerate(shares[name]):
            plot.bar(edges[i], edges[i + 1], share, colour, opacity=0.5)
        plot.label(label, colour)
    return plot.svg()


def _lift(result: Mapping[str, Any]) -> str:
    lift = result["curves"]["lift"]
    plot = Plot(
        "提升度 · Lift by decile (riskiest first)", (0.5, len(lift) + 0.5),
        (0, max(lift) * 1.15), "十分位 · decile", "÷ 平均 · ÷ average",
    )  # fmt: skip
    for i, value in enumerate(lift, start=1):
        plot.bar(i - 0.4, i + 0.4, value, BLUE)
    plot.line([(0.5, 1), (len(lift) + 0.5, 1)], GREY, dashed=True)
    return plot.svg([(i, str(i)) for i in range(1, len(lift) + 1)])


def _time(result: Mapping[str, Any]) -> str:
    periods = result["periods"]
    if not periods:
        return ""
    count = len(periods)
    every = max(1, count // 6)
    ticks = [(i, p["quarter"]) for i, p in enumerate(periods) if i % every == 0]
    top = max(max(p["bad_rate"], p["mean_prob"]) for p in periods) * 1.3
    rates = Plot("违约率 · Bad rate by quarter", (-0.5, count - 0.5), (0, top), "", "")
    rates.line([(i, p["bad_rate"]) for i, p in enumerate(periods)], RED, "实际 observed")
    rates.line([(i, p["mean_prob"]) for i, p in enumerate(periods)], BLUE, "预测 predicted")
    high = max([0.3, *(p["psi"] for p in periods)]) * 1.2
    psi = Plot("评分 PSI · Score PSI by quarter", (-0.5, count - 0.5), (0, high), "", "PSI")
    for i, p in enumerate(periods):
        colour = RED if p["psi"] >= 0.25 else ORANGE if p["psi"] >= 0.1 else GREEN
        psi.bar(i - 0.4, i + 0.4, p["psi"], colour)
    psi.line([(-0.5, 0.25), (count - 0.5, 0.25)], RED, dashed=True)
    return (
        "<h2>时间 · Over time</h2><div class='grid'>" + rates.svg(ticks) + psi.svg(ticks) + "</div>"
    )


def _features(result: Mapping[str, Any]) -> str:
    rows = result["features"]
    importance = horizontal_bars(
        "平均贡献 · Mean |contribution| (log-odds)", [(r["name"], r["importance"]) for r in rows]
    )
    drift = horizontal_bars(
        "特征漂移 · CSI against training", [(r["name"], r["csi"]) for r in rows], ORANGE
    )
    return (
        "<h2>特征 · Features</h2><div class='grid'>"
        + importance
        + drift
        + "".join(_woe(row) for row in rows)
        + "</div>"
    )


def _woe(row: Mapping[str, Any]) -> str:
    bands = row["woe"]
    values = [band["woe"] for band in bands] or [0.0]
    low, high = min([-0.1, *values]) * 1.15, max([0.1, *values]) * 1.15
    sign = {1: "↑", -1: "↓", 0: ""}[row["direction"]]
    plot = Plot(
        f"WoE {row['name']} {sign}", (-0.5, len(bands) - 0.5), (low, high), "", "", height=220
    )
    for i, band in enumerate(bands):
        colour = GREY if band["band"] == "missing" else RED if band["woe"] > 0 else GREEN
        plot.bar(i - 0.42, i + 0.42, band["woe"], colour)
    every = max(1, -(-len(bands) // 4))
    ticks = [
        (i, band["band"])
        for i, band in enumerate(bands)
        if i % every == 0 or (band["band"] == "missing" and i - every // 2 > i // every * every)
    ]
    return plot.svg(ticks)


def _fairness(result: Mapping[str, Any]) -> str:
    found = result["fairness"]
    parts = []
    for name in dict.fromkeys(row["group"] for row in found):
        shown = [r for r in found if r["group"] == name and r["ratio"] is not None]
        rows = sorted(shown, key=lambda r: float(r["ratio"]))[:24]
        parts.append(
            intervals(
                f"通过率比 · Approval ratio by {name}",
                [
                    (f"{r['value']} (n={r['rows']})", r["ratio"], r["low"], r["high"], r["blocks"])
                    for r in rows
                ],
                LEAST_RATIO,
            )
        )
    blocked = [finding_text(r) for r in found if r["blocks"]]
    small = [f"{r['group']}={r['value']} (n={r['rows']})" for r in found if not r["judged"]]
    verdict = (
        "<p class='warn'>低于 0.80，无签署豁免不得上线 · below 0.80, blocked without a signed "
        f"waiver: {escape('; '.join(blocked))}</p>"
        if blocked
        else "<p>无任何组显著低于 0.80 · no group is below 0.80 beyond chance</p>"
    )
    unjudged = (
        f"<p class='small'>未评判（过少或未登记）· not judged (few, or group not known): "
        f"{escape('; '.join(small))}</p>"
        if small
        else ""
    )
    return (
        "<h2>公平性 · Fairness</h2><p class='small'>"
        "最终批准率 ÷ 其余申请的批准率，95 % 区间，转人工另计 · "
        "each group's final approvals ÷ everyone else's, with 95 % bootstrap intervals, referrals "
        "apart</p>"
        f"{verdict}{unjudged}<div class='grid'>{''.join(parts)}</div>"
    )


def _provenance(result: Mapping[str, Any]) -> str:
    training = result["training"]
    return (
        "<h2>来源 · Provenance</h2><p class='small'>"
        f"model <code>{result['model']}</code> ({escape(result['kind'])})<br>"
        f"<code>{escape(training['command'])}</code><br>"
        f"training data <code>{training['data_sha256']}</code><br>"
        f"code <code>{training['code_sha256']}</code><br>"
        f"evaluated data <code>{result['data']['sha256']}</code></p>"
    )
