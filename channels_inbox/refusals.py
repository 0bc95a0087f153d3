"""Files the desk takes from nobody."""

from __future__ import annotations

from typing import Final

PROGRAMS: Final = frozenset(
    "apk appx bat chm cmd com cpl dll exe hta ins iso isp jar jse lnk mde msc msi msix msp mst nsh"  # noqa: SIM905
    " pif ps1 scr sct shb sys vb vbe vbs vhd wsc wsf wsh xll".split()
)


def runs_code(filename: str) -> bool:
    """Whether opening it would run it, as far as its name tells."""
    return filename.rpartition(".")[2].lower() in PROGRAMS
