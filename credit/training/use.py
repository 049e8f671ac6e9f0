"""The report's first answer: what the model may be used for, for whom, and until when."""

from collections.abc import Mapping
from datetime import date
from html import escape
from typing import Any

from credit.engine.stability import RED
from credit.registry.evidence import Floors, faults_of
from credit.registry.registry import VALID_FOR


def use_section(result: Mapping[str, Any]) -> str:
    """HTML: a verdict, then purpose, subjects, exclusions, conditions and the last day."""
    rows = "".join(
        f"<tr><th>{zh} · {en}</th><td>{text}</td></tr>" for zh, en, text in _lines(result)
    )
    return f"<h2>用途 · Use</h2>{_verdict(result)}<table class='use'>{rows}</table>"


def _verdict(result: Mapping[str, Any]) -> str:
    faults = faults_of(Floors(), result)
    blocked = [row for row in result["fairness"] if row["blocks"]]
    if faults:
        why = escape("; ".join(faults))
        return f"<p class='sim'>不得投入使用 · Not to be used: {why}</p>"
    if blocked:
        return (
            f"<p class='warn'>须先由风险官书面豁免 {len(blocked)} 项公平性问题 · "
            f"A risk officer must waive {len(blocked)} fairness finding(s) first</p>"
        )
    return (
        "<p class='good'>证据足以支持验证；仍须四人分别训练、验证、提交、批准 · "
        "The evidence carries a validation; four people still train, validate, propose, approve</p>"
    )


def _lines(result: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    (zh, en), training = result["outcome"], result["training"]
    months = result["horizon_months"]
    within = f"{months} 个月内 · within {months} months" if months else "无期限 · no horizon"
    (first, last), rates = result["window"], result["outcome_rates"]
    lines = [
        (
            "可用于", "For",
            f"估计下列结果的概率并说明理由，供人决定 · the probability, with reasons, of: "
            f"{escape(zh)} · {escape(en)}（{within}）",
        ),
        ("适用对象", "Of whom", f"{escape(result['title'][0])} · {escape(result['title'][1])}"),
        (
            "不得用于", "Not for",
            "自然人消费信贷；征信报告；训练范围之外的申请（会标明并转人工）；"
            "曾被拒者仅按相似性判断 · people's consumption; a credit report; "
            "applications outside the trained ranges (flagged, and referred); "
            "who was once declined is judged by likeness alone",
        ),
        (
            "规则", "Policy",
            f"{escape(result['policy'])}: 批准 · approves {rates['approve']:.0%}, "
            f"转人工 · refers {rates['refer']:.0%}, 拒绝 · declines {rates['decline']:.0%}",
        ),
        (
            "依据", "Rests on",
            f"训练至 · trained through {training['through'] or '–'}（{training['rows']:,}）; "
            f"检验 · tested on {first} – {last}（{result['rows']:,}）; "
            f"AUC {result['figures']['auc']['value']:.3f} "
            f"({result['figures']['auc']['low']:.3f}–{result['figures']['auc']['high']:.3f})",
        ),
    ]  # fmt: skip
    return [*lines, ("有效期", "Until", _until(result))]


def _until(result: Mapping[str, Any]) -> str:
    last = date.fromisoformat(result["evaluated_on"]) + VALID_FOR
    return (
        f"<b>{last}</b>；PSI 超过 {RED:g} 即停用并重新验证 · or until `credit monitor` finds "
        f"PSI above {RED:g}, whichever comes first"
    )
