"""Names that a client may send with a file, to see what the server makes of them."""

from __future__ import annotations

HOSTILE_NAMES = (
    "../../../../etc/passwd",
    "..\\..\\windows\\system32\\x.txt",
    "/etc/shadow",
    "C:\\autoexec.bat",
    ".",
    "..",
    "...",
    " ",
    "CON.txt",
    "a/b/c.txt",
    "name\twith\x01control\x1b[2Jcharacters\x7f.txt",
    "line\rbreak\n.txt",
    'quote".txt; filename="other.exe',
    "\u202etxt.exe",
    "\u200b\u2066hidden\u2069.txt",
    "a" * 5_000 + ".txt",
    "\u00e9" * 2_000 + ".txt",
    "\U0001f4a9.txt",
    "%2e%2e%2fx.txt",
    "<script>alert(1)</script>.txt",
    "{{7*7}}${7*7}.txt",
    "name.pdf.exe.txt",
    "-rf.txt",
    "null\0byte.txt",
)
