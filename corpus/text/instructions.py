"""Text that speaks to a language model instead of to a reader: "ignore all previous instructions".

It is reported, not removed: whoever uploads a paper about such attacks wants it found. Answers do
not follow it, since passages are fenced as data, and quote it last; the report says where somebody
tried. Pure.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Each pattern with words of which its matches hold at least one: looking for those first costs a
# tenth. Gaps are bounded, so that every search is linear. What is meant for people ("you may revoke
# your earlier voting instructions", "you are now a member", the mere words "system prompt") has to
# pass, so each pattern wants the model, its prompt or its user in the sentence, or an order to
# forget what was said.
_AI = (
    r"(?:(?:an?|the|any|all|every)\s)?(?:[a-z]{1,12}\s){0,2}"
    r"(?:ai|llm|gpt|chatgpt|chatbot|language model|ai (?:assistant|agent|model|system))s?\b"
)


class _Pattern(NamedTuple):
    words: tuple[str, ...]
    regex: str


_PATTERNS: Final = (
    _Pattern(
        ("<|", "[inst]", "[/inst]", "<<sys>>"),
        r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|"
        r"end_header_id|begin_of_text|end_of_turn)\|>|\[/?inst\]|<<sys>>",
    ),
    _Pattern(
        ("instruction", "prompt", "directive", "guideline"),
        r"\b(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,20}?"
        r"\b(?:previous|prior|above|preceding|earlier|foregoing|initial|original|all|your|system)\b"
        r"[^.!?]{0,20}?\b(?:instruction|prompt|directive|guideline)s?\b",
    ),
    _Pattern(
        ("you are now", "you're now"),
        r"\byou(?: are|['’]re) now (?:in )?(?:(?:a|an|the|my) )?(?:[a-z-]{1,16} ){0,3}"
        r"(?:ai|llm|chatbot|assistant|language model|developer mode|dan|jailbroken|unrestricted|"
        r"uncensored)\b",
    ),
    _Pattern(
        ("prompt", "instructions"),
        r"\b(?:reveal|print|output|repeat|leak|disclose|display|show|tell me)\b[^.!?]{0,20}"
        r"\b(?:your|the) (?:system|hidden|initial|secret) (?:prompt|instructions)\b",
    ),
    _Pattern(
        ("the user",),
        r"\b(?:do not|don['’]t|never|without) "
        r"(?:tell|telling|inform|informing|alert|alerting|mention|mentioning|reveal|revealing)"
        r"(?: (?:this|it|anything|that))?(?: to)? the user\b",
    ),
    _Pattern(
        ("ai", "llm", "gpt", "chatbot", "language model"),
        rf"\b(?:attention|(?:instructions?|notes?|message) (?:for|to)),? {_AI}\s?[:,!]"
        rf"|\bif you are (?:reading this and are )?{_AI}[^.!?]{{0,20}},",
    ),
    _Pattern(
        ("anweisung", "instruktion", "vorgabe", "befehl", "prompt"),
        r"\b(?:ignorier|vergiss|vergesst|vergessen sie|missacht)[^.!?]{0,30}?"
        r"\b(?:vorherig|bisherig|vorig|obig|vorangegangen|früher|alle|deine|ihre)[^.!?]{0,30}?"
        r"(?:anweisung|instruktion|vorgabe|befehl|prompt)",
    ),
    _Pattern(
        ("du bist", "sie sind"),
        r"\b(?:du bist|sie sind) (?:jetzt|nun|ab sofort|von nun an) (?:(?:ein|eine|der|die|das) )?"
        r"(?:[a-zäöüß-]{1,16} ){0,3}(?:ki|assistent|chatbot|bot|sprachmodell)",
    ),
    _Pattern(
        ("nutzer", "anwender"),
        r"\b(?:sag|verrat|erzähl|teil)\w{0,4} (?:sie )?(?:(?:das|dies|es|davon) )?"
        r"(?:dem|der|den) (?:be)?(?:nutzer|anwender)\w{0,5} (?:nicht|davon nicht)",
    ),
    _Pattern(
        ("systemprompt", "system-prompt", "systemanweisung"),
        r"\b(?:gib|zeig|nenn|verrat|wiederhol|schreib)[^.!?]{0,30}system-?(?:prompt|anweisung)",
    ),
    _Pattern(
        ("instructions", "consignes", "instrucciones"),
        r"\b(?:ignore[zr]?|oublie[zr]?)\s(?:toutes\s)?(?:les|vos|tes)\s(?:instructions|consignes)\s"
        r"(?:précédentes|antérieures|ci-dessus)"
        r"|\b(?:ignora|olvida|ignore|olvide)\s(?:todas\s)?(?:las|tus|sus)\sinstrucciones\s"
        r"(?:anteriores|previas)",
    ),
    _Pattern(
        ("指令", "指示", "提示", "命令", "规则", "規則"),
        r"(?:忽略|无视|忽視|無視|忘记|忘記|不要理会)[^。！？]{0,12}"
        r"(?:之前|先前|以上|上面|上述|前面|此前|所有)[^。！？]{0,10}"
        r"(?:指令|指示|提示|命令|规则|規則)",
    ),
    _Pattern(
        ("系统提示", "系統提示", "系统指令", "系統指令"),
        r"(?:输出|显示|透露|泄露|重复|輸出|顯示|洩露|重複|告诉我|告訴我)[^。！？]{0,10}"
        r"(?:系统|系統)(?:提示|指令)",
    ),
    _Pattern(
        ("你现在是", "你現在是"),
        r"你(?:现在|現在)是[^。！？]{0,12}(?:助手|人工智能|人工智慧|ai|机器人|機器人|语言模型|語言模型)",
    ),
    _Pattern(
        ("用户", "用戶", "使用者"),
        r"(?:不要|别|別|切勿|请勿|請勿)(?:告诉|告訴|告知|透露给|通知)(?:用户|用戶|使用者)",
    ),
)
_COMPILED = tuple((words, re.compile(regex)) for words, regex in _PATTERNS)


def gives_instructions(text: str) -> bool:
    """Whether some of `text` is likely meant for a language model; linear in its length."""
    plain = " ".join(text.lower().split())
    return any(
        any(word in plain for word in words) and regex.search(plain) for words, regex in _COMPILED
    )
