"""The web page's Markdown: what becomes of it, and that pieces make no difference."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import Reader, reading
from tests.e2e.server import LecternServer

RENDER = """async ({ pieces, unsupported, plain }) => {
  const main = document.querySelector('script[type=module]').src;
  const { MarkdownStream } = await import(new URL("markdown.js", main));
  const into = document.createElement("div");
  const chip = (number) => Object.assign(document.createElement("cite"), { textContent: number });
  const stream = new MarkdownStream(into, { chip, isPlain: plain });
  for (const piece of pieces) { stream.feed(piece); stream.show(); }
  const streamed = into.innerHTML;
  stream.finish(pieces.join(""), unsupported);
  return [streamed, into.innerHTML];
}"""


@pytest.fixture(scope="module")
def tab(browser: Browser, server: LecternServer) -> Iterator[Reader]:
    with reading(browser, server.url) as reader:
        reader.page.goto(reader.url)
        yield reader


def rendered(
    tab: Reader, *pieces: str, unsupported: list[Any] | None = None, plain: bool = False
) -> tuple[str, str]:
    """As it stood when all had come, and at the end."""
    given = {"pieces": list(pieces), "unsupported": unsupported or [], "plain": plain}
    streamed, whole = tab.page.evaluate(RENDER, given)
    return streamed, whole


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One.\nStill one.\n\nTwo.", "<p>One.\nStill one.</p><p>Two.</p>"),
        ("It weighs **90 tons** [1].", "<p>It weighs <strong>90 tons</strong> <cite>1</cite>.</p>"),
        ("*so* and _so_, but a_b_c * d", "<p><em>so</em> and <em>so</em>, but a_b_c * d</p>"),
        ("## Title\nText", "<h3>Title</h3><p>Text</p>"),
        ("- a\n- b\n  - c\n", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("`a*b*` and ``c`d``", "<p><code>a*b*</code> and <code>c`d</code></p>"),
        ("```py\na < b\n```\nafter", "<pre><code>a &lt; b</code></pre><p>after</p>"),
        ("> said\n> so", "<blockquote><p>said</p><p>so</p></blockquote>"),
        ("a \\*b\\* c", "<p>a *b* c</p>"),
        ("<b>&amp;</b>", "<p>&lt;b&gt;&amp;amp;&lt;/b&gt;</p>"),
        ("[x](javascript:y)", "<p>[x](javascript:y)</p>"),
        ("---", "<hr>"),
        ("1 * 2 * 3 = 6", "<p>1 * 2 * 3 = 6</p>"),
    ],
)
def test_what_becomes_of_it(tab: Reader, text: str, html: str) -> None:
    streamed, whole = rendered(tab, text)
    assert whole == html
    assert streamed == html


def test_a_table_has_its_cells_and_scrolls_by_itself(tab: Reader) -> None:
    _, html = rendered(tab, "| what | when |\n|---|:-:|\n| lens | **Monday** [1] |\n\nafter")
    assert "<th>what</th><th>when</th>" in html
    assert "<td>lens</td><td><strong>Monday</strong> <cite>1</cite></td>" in html
    assert html.startswith('<div class="scroll"')
    assert html.endswith("<p>after</p>")


def test_sentences_of_documents_are_left_as_they_are(tab: Reader) -> None:
    _, html = rendered(tab, "# 1 * of *all* [1] `x`", plain=True)
    assert html == "<p># 1 * of *all* <cite>1</cite> `x`</p>"


def test_an_unsupported_sentence_is_marked_whatever_is_in_it(tab: Reader) -> None:
    text = "It is **iron** [1]. It is *very* old [2]. End."
    start = text.index("It is *very*")
    _, html = rendered(
        tab, text, unsupported=[{"start": start, "end": text.index(" End."), "text": ""}]
    )
    mark = '<mark class="unsupported" title="No passage that is cited here says this.">'
    assert f"{mark}It is </mark><em>{mark}very</mark></em>{mark} old </mark>" in html
    assert "<p>It is <strong>iron</strong> <cite>1</cite>. <mark" in html


LONG = """Intro with **bold [1] and** more.

- first [1]
- second
  with a second line
    - inner

1. one

2. two

```
code **not bold**

still code
```

| a | b |
|---|---|
| 1 | 2 |

> quoted

Last [12] line `with code` and https://example.com/x?a=1."""


def test_how_it_comes_in_pieces_makes_no_difference(tab: Reader) -> None:
    _, whole = rendered(tab, LONG)
    for seed in range(30):
        choose = random.Random(seed)
        places = sorted(choose.sample(range(1, len(LONG)), choose.randint(1, 60)))
        pieces = [
            LONG[start:end] for start, end in zip([0, *places], [*places, len(LONG)], strict=True)
        ]
        streamed, finished = rendered(tab, *pieces)
        assert finished == whole
        assert streamed == whole, pieces
