import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from corpus.errors import EmbeddingMismatch, IndexUnavailable
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import open_node_store
from corpus.index.server.store import ServerVectorStore
from corpus.settings import Settings
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.installations import an_installation
from tests.qdrant import EVERY_QDRANT, new_collection, qdrant_server
from tests.samples.index_nodes import DIMENSION


@pytest.fixture
def nobody_listens_at() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_without_a_server_the_index_is_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, QDRANT_URL=None)
    store = open_node_store(settings, "abc123", DIMENSION)
    assert isinstance(store, EdgeVectorStore)
    assert (tmp_path / "index" / "segments").is_dir()
    store.close()


def test_on_a_server_each_embedding_has_a_collection_of_its_own(tmp_path: Path) -> None:
    with QdrantOverHttp() as double:
        settings = Settings(data_dir=tmp_path, QDRANT_URL=double.url)
        for fingerprint in ("abc123", "def456"):
            open_node_store(settings, fingerprint, DIMENSION, an_installation()).close()
        assert set(double.created) == {"lectern-abc123", "lectern-def456"}


def test_a_server_that_does_not_answer_is_a_warning_and_then_an_error(
    tmp_path: Path, nobody_listens_at: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(data_dir=tmp_path, QDRANT_URL=nobody_listens_at)
    with closing(open_node_store(settings, "abc123", DIMENSION)) as store:
        assert "does not answer" in caplog.text
        for call in (store.ping, store.count):
            with pytest.raises(IndexUnavailable, match="does not answer"):
                call()


@pytest.mark.parametrize("kind", EVERY_QDRANT)
def test_a_collection_of_another_dimension_is_refused(kind: str) -> None:
    with qdrant_server(kind) as address, new_collection(address) as (_, name):
        with closing(ServerVectorStore(address, name, DIMENSION, an_installation())) as store:
            store.prepare()
        with (
            closing(ServerVectorStore(address, name, 8)) as store,
            pytest.raises(EmbeddingMismatch, match="has 8 dimensions"),
        ):
            store.prepare()


def test_edge_does_not_load_the_server_client(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from corpus.settings import Settings;"
        "from corpus.index.open import open_node_store;"
        "open_node_store(Settings(data_dir=Path(sys.argv[1]), QDRANT_URL=None), 'x', 4).close();"
        "assert 'qdrant_client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
