"""The file: a tar whose last member lists every other one with its SHA-256.

about.json        what it is: format, when, from which release (migrations), which tables
keys.json         the keys that open what is encrypted in it
tables/T/N.gz     rows of table T as COPY writes them, part N
files/KEY         a stored file
manifest.json     digests and sizes of all members; rows of each table; files that were gone
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

FORMAT: Final = 1
ABOUT, KEYS, MANIFEST = "about.json", "keys.json", "manifest.json"
TABLES, FILES = "tables/", "files/"


class BackupError(Exception):
    """It can't be written, read or put back; the text says why and what to do."""


class _Content(tarfile.ExFileObject):
    """What a member holds. It may break off while it is read, long after it was found."""

    def read(self, size: int | None = -1, /) -> bytes:
        with _told_as_ours(self.name):
            return super().read(size)


class _Tar(tarfile.TarFile):
    fileobject = _Content
    # All it has met; there may be millions, and we need none of them again.
    members: list[tarfile.TarInfo]


class Writer:
    """Members are written one after the other; `close` adds the manifest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = _Tar(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)
        self._members: dict[str, list[Any]] = {}

    def add(self, name: str, content: IO[bytes]) -> None:
        """One member, from where `content` stands now to its end. It must know how to seek."""
        start = content.tell()
        digest = _digest(content)
        info = tarfile.TarInfo(name)
        info.size, info.mode = content.tell() - start, 0o600
        content.seek(start)
        self._tar.addfile(info, content)
        self._tar.members.clear()
        self._members[name] = [digest, info.size]

    def add_json(self, name: str, value: object) -> None:
        """A member of JSON."""
        self.add(name, BytesIO(json.dumps(value, indent=1, ensure_ascii=False).encode()))

    def close(self, **told: object) -> None:
        """Write the manifest, with `told` in it."""
        self.add_json(MANIFEST, {"members": dict(self._members), **told})
        self._tar.close()


class Archive:
    """A backup to be read. Members come in the order they were written in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.about = self._first(ABOUT)
        if self.about.get("format") != FORMAT:
            raise BackupError(f"{path} has a format this release doesn't know. Use a newer one.")
        self.keys: dict[str, str] = self._first(KEYS)
        self.manifest: dict[str, Any] = {}

    def verify(self) -> None:
        """Read all of it and compare with the manifest. Raises BackupError."""
        found: dict[str, list[Any]] = {}
        manifest: dict[str, Any] = {}
        for name, content, size in self.members():
            if name == MANIFEST:
                manifest = _json(content)
            else:
                found[name] = [_digest(content), size]
        if not manifest:
            raise BackupError(f"{self.path} is not whole: its end is missing.")
        if wrong := [name for name, told in manifest["members"].items() if found.get(name) != told]:
            raise BackupError(f"{self.path} is damaged: {wrong[0]} is not what was written.")
        if more := found.keys() - manifest["members"].keys():
            raise BackupError(f"{self.path} is damaged: nobody wrote {more.pop()}.")
        self.manifest = manifest

    def members(self) -> Iterator[tuple[str, IO[bytes], int]]:
        """Name, content and size of each. Raises BackupError where the file breaks off."""
        with self._opened() as tar:
            for info in tar:
                content = tar.extractfile(info)
                if content is None:
                    raise BackupError(f"{self.path} is no backup: {info.name} is not a file.")
                yield info.name, content, info.size
                tar.members.clear()

    def _first(self, wanted: str) -> dict[str, Any]:
        for name, content, _size in self.members():
            if name == wanted:
                return _json(content)
            if name.startswith((TABLES, FILES)):
                break
        raise BackupError(f"{self.path} is no backup of a desk: it has no {wanted}.")

    @contextmanager
    def _opened(self) -> Iterator[_Tar]:
        with _told_as_ours(self.path), _Tar.open(self.path, "r:") as tar:
            yield tar


@contextmanager
def _told_as_ours(path: Path | str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BackupError(f"{path} can't be read: {error}.") from error


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file only we can read, there as a whole or not at all. Raises BackupError if it exists."""
    if path.exists():
        raise BackupError(f"{path} exists already. Choose another name.")
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        raise BackupError(f"{path} can't be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _json(content: IO[bytes]) -> dict[str, Any]:
    try:
        told = json.loads(content.read())
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise BackupError("The backup is damaged: one of its lists can't be read.")
    return told


def _digest(content: IO[bytes]) -> str:
    digest = sha256()
    while part := content.read(1024 * 1024):
        digest.update(part)
    return digest.hexdigest()
