from __future__ import annotations

from tests.e2e.server import LecternServer
from tests.samples import files

QUESTION = "What does the kite weigh?"


def test_a_collection_is_deleted_with_all_that_is_in_it(server: LecternServer) -> None:
    server.http.post("/collections", json={"name": "kites", "description": "Kites"})
    for number in range(3):
        page = [f"The kite number {number} weighs {number + 2} grams."]
        server.add(f"{number}.pdf", files.pdf([page]), collection="kites")
    server.add("other.pdf", files.pdf([["The boat weighs 90 tons."]]), collection="boats")
    answer = server.chat(QUESTION, collection="kites")
    assert answer["state"] == "answered"

    receipt = server.http.delete("/collections/kites").json()
    assert (receipt["name"], receipt["deleted"], receipt["verified"]) == ("kites", True, True)
    assert receipt["documents_deleted"] == receipt["points_removed"] == 3
    for address in (
        "/collections/kites",
        f"/conversations/{answer['conversation_id']}",
        f"/answers/{answer['answer_id']}",
    ):
        assert server.http.get(address).status_code == 404, address
    again = server.http.delete("/collections/kites")
    assert (again.status_code, again.json()["error"]) == (404, "collection_not_found")
    asked = server.http.post("/chat", json={"message": QUESTION, "collection": "kites"})
    assert asked.status_code == 404
    names = {one["name"] for one in server.http.get("/collections").json()["collections"]}
    assert "kites" not in names
    assert server.chat("What does the boat weigh?", collection="boats")["state"] == "answered"

    # The name is free again, and nothing is left of what it was.
    server.add("new.pdf", files.pdf([["The kite is red."]]), collection="kites")
    found = server.http.get("/collections/kites").json()
    assert (found["documents"], found["description"]) == (1, "")
