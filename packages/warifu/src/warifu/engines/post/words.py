"""How the ledger's facts are said in letters and reports, in Japanese and English; times in JST."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from warifu.model.ledger import Event
from warifu.model.report import Style
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.errors import Refusal

JST = ZoneInfo("Asia/Tokyo")
LANGUAGES = ("ja", "en")
_WEEKDAY = "月火水木金土日"
_LONG = 16
_DIGEST = re.compile("[0-9a-f]{64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)

_SAID: Mapping[str, tuple[str, str]] = {
    "composition.made": ("プログラムを構成しました", "a program was composed"),
    "composition.refused": ("構成を拒否しました({code})", "a composition was refused ({code})"),
    "verification.completed": ("検証作業を完了しました", "verification was completed"),
    "change.proposed": ("公開の内容を提案しました", "the change was proposed"),
    "signoff.recorded": ("{by} が承認しました", "{by} signed off"),
    "publication.ordered": ("公開を指示しました", "publication was ordered"),
    "publication.opened": ("プログラムを公開しました", "the programs were published"),
    "probe.passed": ("本番環境の動作確認に合格しました", "the production probe passed"),
    "probe.failed": ("本番環境の動作確認に失敗しました", "the production probe failed"),
    "gate.opened": ("段階配信 {stage} を開始しました", "stage {stage} was opened"),
    "gate.in-force": ("段階配信が有効になりました", "the stage was in force"),
    "gate.waits": ("次の段階を待っています", "the next stage waits"),
    "outcome.alarm": ("適用結果の警報が出ました", "the outcomes raised an alarm"),
    "case.alarm": ("問合せの警報が出ました", "cases at the desk raised an alarm"),
    "publication.held": ("公開を保留しました({by})", "publication was held by {by}"),
    "publication.capped": ("配信を制限しました({by})", "distribution was capped by {by}"),
    "publication.stopped": ("公開を停止しました({by})", "publication was stopped by {by}"),
    "stop.in-force": ("停止が有効になりました", "the stop was in force"),
    "case.opened": ("ヘルプデスクが問合せを受けました", "the help desk received a case"),
    "incident.declared": ("原因調査を開始しました", "the investigation started"),
    "finding.recorded": ("判明: {text_ja}", "found: {text_en}"),
    "customer.contacted": ("貴会へ報告しました: {text_ja}", "the customer was told: {text_en}"),
    "desk.changed": ("ヘルプデスクの体制: {text_ja}", "help desk: {text_en}"),
    "prevention.decided": ("再発防止: {text_ja}", "prevention: {text_en}"),
    "impact.snapshot": (
        "影響範囲: 取得 {downloaded} 名、適用 {installed} 名、不具合 {affected} 名",
        "impact: {downloaded} downloaded, {installed} installed, {affected} affected",
    ),
    "remedy.planned": ("対処を決定しました", "the remedy was decided"),
    "remedy.published": (
        "修正プログラムと更新プログラムを公開しました",
        "the repair and the corrected update were published",
    ),
    "mailing.composed": ("通知 {count} 件を作成しました", "{count} notices were composed"),
    "mailing.approved": ("通知の発送を承認しました", "the mailing was approved"),
    "mailing.handed-over": ("{count} 名へ発送しました", "{count} notices were posted"),
    "report.issued": ("報告書を発行しました({language})", "the report was issued ({language})"),
    "feed.offered": (
        "他社の更新機能({name})への配信を始めました。適用時の停止はできません",
        "offered to other people's clients ({name}): no install-time stop",
    ),
    "feed.withdrawn": (
        "他社の更新機能({name})への配信をやめました。取得 {downloads} 件は適用時に停止できません",
        "withdrawn from the feed {name}: {downloads} downloads there have no install-time stop",
    ),
    "feed.unfit": (
        "他社の更新機能には配信できないプログラムです({why})",
        "the program does not fit other people's clients ({why})",
    ),
    "stop.flood": (
        "{by} の停止が1時間に {stops} 回に達しました",
        "{by} stopped {stops} times within an hour",
    ),
    "consent.recorded": ("{by} が承認しました({type})", "{by} signed ({type})"),
    "publication.condensed": ("差分を作成しました", "patches were made"),
    "event.corrected": ("記録を訂正しました: {text_ja}", "a record was corrected: {text_en}"),
}


def style(language: str) -> Style:
    """How a language says times, values and events; raises `Refusal` for an unknown language."""
    if language not in LANGUAGES:
        raise Refusal("no-language", needed=" or ".join(LANGUAGES), found=language)
    return Style(
        time=lambda at: moment(at, language),
        value=lambda value: spelled(value, language),
        line=lambda event: line(event, language),
    )


def moment(at: datetime, language: str) -> str:
    """A time in JST as people write it, to the minute."""
    local = at.astimezone(JST)
    if language == "ja":
        day = _WEEKDAY[local.weekday()]
        return f"{local.year}年{local.month}月{local.day}日({day}){local:%H:%M}"
    return f"{local:%a %Y-%m-%d %H:%M} JST"


def line(event: Event, language: str) -> str:
    """One line of the timeline: when, what, and how we know."""
    entered = (
        {"ja": "記入", "en": "entered"} if event.source == "H" else {"ja": "記録", "en": "recorded"}
    )
    return (
        f"- {moment(event.at, language)} {said(event, language)} [#{event.seq} {entered[language]}]"
    )


def said(event: Event, language: str) -> str:
    """What an event says, in one sentence; an unknown kind is named, never dropped."""
    forms = _SAID.get(event.kind)
    if forms is None:
        return event.kind
    facts = {name: spelled(value, language) for name, value in event.facts.items()}
    facts = {"by": event.by} | facts
    return forms[LANGUAGES.index(language)].format_map(_Known(facts))


def spelled(value: Json, language: str) -> str:
    """A fact's value in a sentence: figures with separators, digests short, times in JST."""
    match value:
        case bool() | None:
            return {True: "yes", False: "no", None: "–"}[value]
        case int():
            return f"{value:,}"
        case str(text) if _DIGEST.fullmatch(text):
            return text[:_LONG]
        case str(text) if _INSTANT.fullmatch(text):
            return moment(times.read(text), language)
        case str(text):
            return text
        case list(items):
            return ", ".join(spelled(one, language) for one in items)
        case dict(fields):
            return ", ".join(f"{name} {spelled(one, language)}" for name, one in fields.items())


class _Known(dict[str, str]):
    """Facts by name; one that was not recorded is shown as not recorded."""

    def __missing__(self, name: str) -> str:
        return f"({name}: –)"
