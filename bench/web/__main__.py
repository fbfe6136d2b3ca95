"""`python -m bench.web [--tokens 2000] [--rate 60]`: the web page in Chromium, in figures.

What it loads and when it is painted; then an answer of so many tokens at so many a second, and what
showing it takes: how long the page's scripts run for each quarter of the answer (quadratic work
shows in the last), tasks longer than 50 ms (a reader feels them), and frames that came late.
Needs a `chromium` on the PATH.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.real_server import RealServer
from corpus.quiet import set_offline_environment

SAMPLE = Path("docs/sample/lighthouse.pdf")
QUARTERS = 4
WATCH = """
window.longTasks = [];
window.lateFrames = 0;
new PerformanceObserver((list) => {
  window.longTasks.push(...list.getEntries().map((entry) => entry.duration));
}).observe({ type: "longtask" });
let before = performance.now();
(function frame(now) {
  if (now - before > 50) window.lateFrames += 1;
  before = now;
  requestAnimationFrame(frame);
})(before);
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.web")
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=60.0)
    wanted = parser.parse_args()
    set_offline_environment()
    program = shutil.which("chromium")
    if program is None:
        sys.exit("There is no chromium on the PATH.")
    with tempfile.TemporaryDirectory() as folder, _llm(wanted.tokens, wanted.rate) as llm_url:
        settings = {"LECTERN_LLM": f"{llm_url}/v1", "LECTERN_LLM_MODEL": "slow"}
        server = RealServer(Path(folder), settings)
        server.start()
        try:
            _fill(server.url)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program)
                _first_load(browser.new_page(), server.url)
                _long_answer(browser.new_page(), server.url, wanted.tokens, wanted.rate)
                browser.close()
        finally:
            server.stop()


@contextmanager
def _llm(count: int, rate: float) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.web.slow_llm", str(count), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def _fill(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as http:
        document = http.post("/documents", files={"file": ("a.pdf", SAMPLE.read_bytes())}).json()
        with http.stream("GET", f"/documents/{document['id']}/events") as events:
            for _ in events.iter_lines():
                pass


def _first_load(page: Page, url: str) -> None:
    sizes: list[tuple[str, int]] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    addresses: dict[str, str] = {}
    session.on(
        "Network.responseReceived",
        lambda event: addresses.update({event["requestId"]: event["response"]["url"]}),
    )
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.append(
            (addresses.get(event["requestId"], ""), int(event["encodedDataLength"]))
        ),
    )
    page.goto(url)
    page.wait_for_selector("#collections li")
    page.wait_for_timeout(500)
    paint_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    html_ms = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
    before = page.evaluate(
        """() => {
          const [paint] = performance.getEntriesByName("first-contentful-paint");
          return performance.getEntriesByType("resource")
            .filter((one) => one.renderBlockingStatus === "blocking")
            .filter((one) => one.responseEnd < paint.startTime).length;
        }"""
    )
    files = [
        (address, size) for address, size in sizes if address.endswith("/") or "/web/" in address
    ]
    print(
        f"first load: {sum(size for _, size in files) / 1000:.1f} kB in {len(files)} files, "
        f"{sum(size for _, size in sizes) / 1000:.1f} kB with what the API answers"
    )
    print(
        f"the HTML is there after {html_ms:.0f} ms, painted after {paint_ms:.0f} ms; "
        f"{before} other files were waited for"
    )


def _long_answer(page: Page, url: str, tokens: int, rate: float) -> None:
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_selector("#collections li")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.fill("#question", "When is the lens cleaned?")
    page.press("#question", "Enter")
    page.wait_for_selector(".answer p:not(.dots)")
    page.evaluate("() => { window.longTasks.length = 0; window.lateFrames = 0; }")
    seconds = tokens / rate
    spent = [_script_s(session)]
    for _ in range(QUARTERS):
        page.wait_for_timeout(1000 * seconds / QUARTERS)
        spent.append(_script_s(session))
    page.wait_for_selector(".turn .actions")
    quarters = [f"{1000 * (after - before):.0f}" for before, after in pairwise(spent)]
    tasks = page.evaluate("window.longTasks")
    print(
        f"{tokens} tokens at {rate:g}/s: scripts, style and layout took {', '.join(quarters)} ms "
        f"in each quarter of {seconds / QUARTERS:.1f} s"
    )
    print(
        f"tasks longer than 50 ms: {len(tasks)} ({max(tasks, default=0):.0f} ms at most); "
        f"frames later than 50 ms: {page.evaluate('window.lateFrames')}"
    )


def _script_s(session: CDPSession) -> float:
    found: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    figures = {one["name"]: one["value"] for one in found}
    return float(
        figures["ScriptDuration"] + figures["LayoutDuration"] + figures["RecalcStyleDuration"]
    )


if __name__ == "__main__":
    main()
