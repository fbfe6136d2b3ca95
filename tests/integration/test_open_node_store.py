import socket
import subprocess
import sys
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from corpus.errors import EmbeddingMismatch, IndexUnavailable
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import open_node_store
from corpus.index.server.store import ServerVectorStore, open_server_store
from corpus.settings import Settings
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


def test_a_server_that_does_not_answer_is_unavailable(
    tmp_path: Path, nobody_listens_at: str
) -> None:
    settings = Settings(data_dir=tmp_path, QDRANT_URL=nobody_listens_at)
    with pytest.raises(IndexUnavailable, match="does not answer"):
        open_node_store(settings, "abc123", DIMENSION)
    with pytest.raises(IndexUnavailable):
        open_server_store(nobody_listens_at, None, "nodes", DIMENSION, timeout_s=0.2)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
def test_a_collection_of_another_dimension_is_refused() -> None:
    client = QdrantClient(":memory:")
    ServerVectorStore(client, "nodes", DIMENSION)
    with pytest.raises(EmbeddingMismatch, match="has 8 dimensions"):
        ServerVectorStore(client, "nodes", 8)


def test_edge_does_not_load_the_server_client(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from corpus.settings import Settings;"
        "from corpus.index.open import open_node_store;"
        "open_node_store(Settings(data_dir=Path(sys.argv[1]), QDRANT_URL=None), 'x', 4).close();"
        "assert 'qdrant_client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
