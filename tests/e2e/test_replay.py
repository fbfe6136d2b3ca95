"""`lectern replay` on a real server: the same answer, and another one after a change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.doubles.scripted_llm import MODEL, ScriptedLlm, say
from tests.e2e.server import LecternServer
from tests.samples import files


def replay(server: LecternServer, answer_id: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lectern", "replay", answer_id, "--url", server.url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_difference_is_shown_and_nothing_is_kept(make_data_dir: Callable[[], Path]) -> None:
    with LecternServer(make_data_dir()) as server:
        old = server.add("boat.pdf", files.pdf([["The boat weighs 90 tons."]]), external_id="boat")
        answer = server.chat("What does the boat weigh?")
        same = replay(server, answer["answer_id"])
        assert (same.returncode, same.stderr) == (0, "")
        assert "No difference." in same.stdout

        server.add("boat.pdf", files.pdf([["The boat weighs 75 tons."]]), external_id="boat")
        changed = replay(server, answer["answer_id"])
        assert changed.returncode == 1
        assert "  - The boat weighs 90 tons. [1]" in changed.stdout
        assert "  + The boat weighs 75 tons. [1]" in changed.stdout

        assert server.http.delete(f"/documents/{old['id']}").status_code == 200
        gone = replay(server, answer["answer_id"])
        assert gone.returncode == 1
        assert "was deleted with its documents" in gone.stdout
        assert "90 tons" not in gone.stdout

        listed = server.http.get("/conversations").json()["conversations"]
        assert [one["id"] for one in listed] == [answer["conversation_id"]]
        unknown = replay(server, "nobody")
        assert unknown.returncode == 1
        assert "answer_not_found" in unknown.stderr or "There is no answer" in unknown.stderr


def test_it_is_asked_in_the_voice_in_which_it_was_asked(
    llm: ScriptedLlm, make_data_dir: Callable[[], Path]
) -> None:
    with LecternServer(
        make_data_dir(), LECTERN_LLM=llm.base_url, LECTERN_LLM_MODEL=MODEL
    ) as server:
        server.add("boat.pdf", files.pdf([["The boat weighs 90 tons."]]))
        llm.script(say("The boat weighs 90 tons [1]."))
        answer = server.chat("What does the boat weigh?", persona={"tone": "terse"})
        explained = server.http.get(f"/answers/{answer['answer_id']}/explain").json()
        assert explained["persona"] == {"instructions": "", "tone": "terse", "language": ""}
        same = replay(server, answer["answer_id"])
        assert (same.returncode, same.stderr) == (0, "")
        assert "Tone: terse." in llm.requests[-1]["messages"][0]["content"]
