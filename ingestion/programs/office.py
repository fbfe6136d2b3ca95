"""Files of old and foreign office programs, saved by LibreOffice in a format that is read here."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from corpus.errors import BrokenFile, NeedsLibreOffice, ParserTimeout
from corpus.kinds.known import FileKind, kind_named
from ingestion.programs.running import Limits, Program, wait_for_any

CONVERTED_TO: MappingProxyType[str, str] = MappingProxyType(
    {"doc": "docx", "ppt": "pptx", "odp": "pptx"}
)
# It takes 215 MiB for a small file.
_MEMORY_BYTES = 2 * 1024**3
_OUTPUT_BYTES = 512 * 1024**2
# Where it puts a socket for its next start to find, whatever TMPDIR says (sal/osl/unx/pipe.cxx).
_PIPE_FOLDERS = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - only removed from there
# No macros, no links followed, nothing active: the document is opened to be saved again.
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop>
<prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop>
<prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop>
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop>
</item></oor:items>
"""


@dataclass(frozen=True, slots=True)
class Office:
    """Converts files within `timeout_s` each, by the program on `search_path` (None: PATH)."""

    timeout_s: float
    search_path: str | None = None

    def convert(
        self, path: Path, kind: FileKind, *, folder: Path, beat: Callable[[], None]
    ) -> tuple[Path, FileKind]:
        """A copy of the file in another format, in `folder`, which is empty, and its kind.

        `beat` is called several times a second, and what it raises ends the conversion. Raises
        `NeedsLibreOffice`, `ParserTimeout`, and `BrokenFile` when nothing comes out; `KeyError` for
        a kind that is not in `CONVERTED_TO`.
        """
        target = kind_named(CONVERTED_TO[kind.name])
        program = find_libreoffice(self.search_path)
        if program is None:
            raise NeedsLibreOffice(f"Reading a .{kind.name} file needs LibreOffice.")
        # A copy: it must not write to the original, and it goes by the name's ending.
        source = folder / f"document.{kind.name}"
        shutil.copyfile(path, source)
        profile = folder / "profile"
        _write_profile(profile)
        argv = [program, "--headless", "--invisible", "--norestore", "--nologo", "--nolockcheck"]
        argv += ["--nodefault", f"-env:UserInstallation={profile.as_uri()}"]
        argv += ["--convert-to", target.name, "--outdir", str(folder / "out"), str(source)]
        limits = Limits(self.timeout_s, _MEMORY_BYTES, _OUTPUT_BYTES)
        with Program(argv, folder=folder, limits=limits, leftovers=_sockets(profile)) as running:
            wait_for_any([running], beat)
            if running.outcome().timed_out:
                raise ParserTimeout(
                    f"LibreOffice took longer than {self.timeout_s:g} seconds to open this file."
                )
        converted = folder / "out" / f"document.{target.name}"
        if converted.is_symlink() or not converted.is_file():
            raise BrokenFile(
                f"LibreOffice cannot open this .{kind.name} file: it is damaged or has a password."
            )
        return converted, target


def find_libreoffice(search_path: str | None = None) -> str | None:
    """The program, or None when it is not on the `search_path` (None: PATH)."""
    return shutil.which("soffice", path=search_path)


def _write_profile(profile: Path) -> None:
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_PROFILE)


def _sockets(profile: Path) -> list[Path]:
    """What it leaves when it is killed: named by the user and by a digest of the profile's URL."""
    digest = hashlib.md5(profile.as_uri().encode("utf-16-le"), usedforsecurity=False).hexdigest()
    name = f"OSL_PIPE_{os.getuid()}_SingleOfficeIPC_{digest}"
    return [folder / name for folder in _PIPE_FOLDERS]
