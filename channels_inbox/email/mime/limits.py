"""How much of one mail the parser looks at. What is cut stays in the kept original only."""

from __future__ import annotations

from typing import Final

MAX_RAW_BYTES: Final = 64 * 1024 * 1024
MAX_HEADER_BLOCK_BYTES: Final = 4 * 1024 * 1024
MAX_HEADERS: Final = 2_000
MAX_HEADER_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 20
MAX_PARTS: Final = 1_000
MAX_STATUS_BLOCKS: Final = 500
MAX_ADDRESSES: Final = 2_000
MAX_REFERENCES: Final = 1_000
MAX_FILENAME_CHARS: Final = 255
MAX_TEXT_CHARS: Final = 2_000_000
MAX_HTML_CHARS: Final = 6_000_000
MAX_LAID_OUT_HTML_CHARS: Final = 1_000_000
"""Above this, HTML is turned into text by the linear stripper, without table layout."""
MAX_RTF_BYTES: Final = 4 * 1024 * 1024
"""Cap on what compressed RTF may grow to."""
MAX_UUENCODED_FILES: Final = 100
MAX_TNEF_RECORDS: Final = 10_000
