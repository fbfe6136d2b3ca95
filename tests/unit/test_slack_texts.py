from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.citations import Citation
from service.answering.events import Degraded
from service.slack.asked import MAX_QUOTED_CHARS, asked_in
from service.slack.quotes import quote_messages
from service.slack.texts import (
    MAX_SECTION_CHARS,
    address_of,
    escaped,
    note_blocks,
    question_of,
    settled,
    shown,
    source_blocks,
    warning_blocks,
    with_quoted,
)
from tests.doubles.slack_blocks import broken_rules


def citation(number: int = 1, **changed: object) -> Citation:
    values: dict[str, object] = {
        "id": number,
        "document_id": "d1",
        "filename": "anchor.txt",
        "page": 3,
        "quote": "The anchor weighs 90 kilograms.",
        "start_char": 10,
        "end_char": 41,
        "score": 1.0,
        "supported": True,
    }
    return Citation.model_validate(values | changed)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Who is <@U2|ann>?", "Who is ann?"),
        ("<@U2>  two  blanks\nand a line", "two blanks\nand a line"),
        (
            "what is in <#C1|general> &amp; <https://example.org/x|the page>?",
            "what is in general & the page?",
        ),
        ("<https://example.org/x> and <#C2>", "https://example.org/x and #C2"),
        ("<!here> <!subteam^S1|@team> 1 &lt; 2", "@team 1 < 2"),
        ("<@UBOT>", ""),
        # A command's text may have these as they were typed.
        ("1 < 2 <https://example.org/x|the page>", "1 < 2 the page"),
        ("<" * 40_000, "<" * 40_000),
        ("<@A|" * 10_000 + "?", "<@A|" * 10_000 + "?"),
    ],
)
def test_a_question_is_read_as_people_see_it(text: str, question: str) -> None:
    assert question_of(text) == question


def test_what_documents_say_mentions_nobody() -> None:
    assert escaped("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    [block] = source_blocks(
        [citation(filename="<!here>|x.txt", quote="<@U1> said so.")],
        "https://l.example",
        with_excerpts=True,
    )
    text = block["text"]["text"]
    assert "<!" not in text
    assert "<@" not in text
    assert "&lt;!here&gt;¦x.txt, page 3>" in text


def test_an_answer_links_nowhere() -> None:
    said = shown("Press [here](https://evil.example/?q=secret) <!channel>")
    assert "](" not in said
    assert "://" not in said
    assert "<!" not in said


@given(st.lists(st.text("[]():/<>&x", max_size=4), max_size=12))
def test_a_text_in_pieces_is_shown_as_the_whole_is(pieces: list[str]) -> None:
    said, held = "", ""
    for piece in pieces:
        now, held = settled(held + piece)
        said += shown(now)
    assert said + shown(held) == shown("".join(pieces))


def test_a_source_leads_to_its_marked_page() -> None:
    address = address_of(citation(), "https://l.example/tools/")
    assert address == "https://l.example/tools/?document=d1&page=3&start=10&end=41"
    assert address_of(citation(), "") is None
    [block] = source_blocks([citation()], "")
    assert block["text"]["text"] == "*Sources*\n[1] anchor.txt, page 3"
    [block] = source_blocks([citation()], "", with_excerpts=True)
    assert block["text"]["text"].endswith(
        "[1] anchor.txt, page 3: “The anchor weighs 90 kilograms.”"
    )


def test_what_formats_in_slack_is_shown_as_it_stands() -> None:
    quoted = citation(filename="my_file_name.txt", quote="2 * 3 * 4, `x` and ~y~")
    [block] = source_blocks([quoted], "", with_excerpts=True)
    said = block["text"]["text"].partition("[1]")[2]
    for sign in "*_~`":
        assert sign in said
        assert said.count(sign) == said.count("\u200b" + sign)
    [[_, quote]] = quote_messages([quoted], "")
    assert quote["elements"][0]["elements"] == [{"type": "text", "text": quoted.quote}]


def test_quotes_are_shown_whole_within_slacks_limits() -> None:
    quotes = ["short", "long " * 1500, "a" * 2_999]
    citations = [citation(n, quote=quote) for n, quote in enumerate(quotes, 1)]
    messages = quote_messages(citations, "https://l.example")
    for blocks in messages:
        assert list(broken_rules(blocks)) == []
    elements = [one["elements"][0] for blocks in messages for one in blocks]
    shown_quotes = [
        one["elements"][0]["text"] for one in elements if one["type"] == "rich_text_quote"
    ]
    assert "".join(shown_quotes) == "".join(quotes)


def test_more_quotes_than_one_wants_end_with_where_the_rest_is() -> None:
    messages = quote_messages([citation(n, quote="q" * 2_900) for n in range(1, 60)], "")
    assert len(messages) == 3
    for blocks in messages:
        assert list(broken_rules(blocks)) == []
    assert "marked pages" in str(messages[-1][-1])
    assert "quotes nothing" in str(quote_messages([], ""))


def test_many_long_sources_keep_to_slacks_limits() -> None:
    many = [citation(n, filename="n_" * 125, quote="q " * 2000) for n in range(1, 60)]
    [block] = source_blocks(many, "https://l.example", with_excerpts=True)
    assert len(block["text"]["text"]) <= MAX_SECTION_CHARS
    assert source_blocks([], "https://l.example") == []


def test_what_documents_say_becomes_no_link_by_itself() -> None:
    quoted = citation(quote="@channel see #general and https://evil.example/x")
    said = [
        *source_blocks([quoted], "https://l.example", with_excerpts=True),
        *note_blocks([Degraded.LLM_UNAVAILABLE], 1),
        *warning_blocks("There is no collection https://evil.example"),
    ]
    objects = [one for block in said for one in block.get("elements", [block.get("text")])]
    assert [one["verbatim"] for one in objects] == [True] * 4
    assert "https://evil.example/x" in objects[0]["text"]


def test_notes_say_what_a_reader_has_to_know() -> None:
    assert note_blocks([], 0) == []
    [block] = note_blocks([Degraded.LLM_UNAVAILABLE, "something new"], 2)
    assert [one["text"][:10] for one in block["elements"]] == [":warning: "] * 2
    assert "2 sentences are not carried" in block["elements"][1]["text"]


EVENT = {
    "type": "message",
    "user": "U1",
    "channel": "C1",
    "ts": "1.1",
    "text": "Hi",
    "channel_type": "im",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"bot_id": "B1"},
        {"subtype": "message_deleted"},
        {"user": None},
        {"user": "UBOT"},
        {"channel_type": "channel"},
        {"channel_type": "mpim"},
        {"channel_type": "channel", "thread_ts": "1.0", "text": "<@U2> can you look?"},
    ],
)
def test_what_is_not_for_the_bot_is_left_alone(changed: dict[str, object]) -> None:
    body = {"event": EVENT | changed, "authorizations": [{"user_id": "UBOT"}]}
    assert asked_in(body) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!here>",
        ":tada:",
        ":+1::skin-tone-3: 🎉",
        "Thanks!",
        "ok :smile:",
        ":承知しました:",
        ":100: :thumbsup_all:",
        "...",
        "Danke <@U2>",
        "Danke dir",
        "Perfect, thank you",
        "Thank you, Ann",
        "Thanks Ann!",
        "Cool, thanks!",
        "yes thanks",
        "No, thank you so much for your help.",
        "OK, got it",
        "That makes sense.",
        "Muchas gracias",
    ],
)
def test_what_people_in_a_thread_say_to_each_other_is_not_answered(text: str) -> None:
    talk = EVENT | {"channel_type": "channel", "thread_ts": "1.0", "text": text}
    picture = {"subtype": "file_share", "files": [{"id": "F1", "name": "a.png"}]}
    for event in (talk, talk | picture):
        assert asked_in({"event": event, "authorizations": [{"user_id": "UBOT"}]}) is None
    # Said to the bot, it is answered: that there is nothing to answer, for instance.
    assert asked_in({"event": EVENT | {"text": text}}) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("no", "yes", "9", "ok 9", "为什么", "why :thinking:", "10:30:15", ":warum nicht:"),
        *("Good?", "Done?", "OK?", "Super?", "?", "好的？", "تمام؟"),
        *("Thanks, and the crane?", "thanks, the crane", "Thanks. Why", "Thanks\nWinches"),
        *("Ann, thanks for the Bark", "Good Bark", "THANKS BARK", "not good", "it makes"),
    ],
)
def test_what_may_be_a_question_is_one(text: str) -> None:
    talk = EVENT | {"channel_type": "channel", "thread_ts": "1.0", "text": text}
    assert asked_in({"event": talk, "authorizations": [{"user_id": "UBOT"}]}) is not None


def test_a_message_with_a_file_is_one_of_somebody() -> None:
    asked = asked_in({"event": EVENT | {"subtype": "file_share"}, "team_id": "T1"})
    assert asked is not None
    assert asked.is_direct


LINK = {"text": "A page somewhere.", "from_url": "https://example.org/"}
FORWARDED = {"text": "The pay rise is 9 %.", "is_share": True}


@pytest.mark.parametrize(
    ("changed", "is_alone", "is_private"),
    [
        ({"channel_type": "im"}, True, True),
        ({"channel_type": "channel"}, False, False),
        ({"channel_type": "channel", "attachments": [LINK]}, False, False),
        ({"channel_type": "channel", "attachments": [LINK, FORWARDED]}, False, True),
        ({"channel_type": "group"}, False, True),
        ({"channel_type": "mpim"}, False, True),
        ({"channel_type": None, "type": "app_mention"}, False, True),
    ],
)
def test_only_what_a_public_channel_reads_is_for_everybody(
    changed: dict[str, object], *, is_alone: bool, is_private: bool
) -> None:
    event = EVENT | {"text": "<@UBOT> What does it weigh?"} | changed
    asked = asked_in({"event": event, "authorizations": [{"user_id": "UBOT"}]})
    assert asked is not None
    assert (asked.is_direct, asked.is_alone, asked.is_private) == (True, is_alone, is_private)


def test_a_mention_with_a_file_may_come_as_a_message_alone() -> None:
    event = EVENT | {
        "subtype": "file_share",
        "channel_type": "channel",
        "text": "<@UBOT|lectern> read this",
        "files": [{"id": "F1", "name": "a.txt"}],
    }
    body = {"event": event, "authorizations": [{"user_id": "UBOT"}]}
    asked = asked_in(body)
    assert asked is not None
    assert [one.id for one in asked.files] == ["F1"]
    assert question_of(asked.text) == "read this"
    assert asked_in({**body, "event": event | {"text": "<@U2> read this"}}) is None


def test_in_shared_channels_the_teams_are_told_apart() -> None:
    event = EVENT | {"type": "app_mention", "channel_type": "channel", "user_team": "T2"}
    ours = [{"team_id": "T1", "user_id": "UBOT"}]
    body = {"event": event, "team_id": "T2", "authorizations": ours, "is_ext_shared_channel": True}
    asked = asked_in(body)
    assert asked is not None
    assert (asked.thread.team_id, asked.team_id, asked.is_shared) == ("T1", "T2", True)
    unnamed = event | {"type": "message", "thread_ts": "1.0"}
    assert asked_in({**body, "event": unnamed}) is None
    assert asked_in({**body, "event": unnamed, "is_ext_shared_channel": False}) is not None


def test_what_was_forwarded_is_quoted_and_previews_are_not() -> None:
    forwarded = {"is_share": True, "text": "The winch slips &amp; <@U2> waits.", "author_id": "U3"}
    preview = {"from_url": "https://example.org", "text": "A page of somebody's."}
    event = EVENT | {"text": "What now?", "attachments": [forwarded, preview]}
    asked = asked_in({"event": event})
    assert asked is not None
    assert asked.quoted == "The winch slips & waits."
    assert with_quoted("What now?", asked.quoted) == "What now?\n“The winch slips & waits.”"
    assert with_quoted("", asked.quoted) == asked.quoted
    assert with_quoted("What now?", "") == "What now?"
    long = asked_in({"event": EVENT | {"attachments": [forwarded | {"text": "long " * 9_000}]}})
    assert long is not None
    assert len(long.quoted) <= MAX_QUOTED_CHARS


def test_a_reply_belongs_to_the_thread_it_is_in() -> None:
    first = asked_in({"event": EVENT, "team_id": "T1"})
    reply = asked_in({"event": EVENT | {"ts": "1.2", "thread_ts": "1.1"}, "team_id": "T1"})
    assert first is not None
    assert reply is not None
    assert first.thread == reply.thread
