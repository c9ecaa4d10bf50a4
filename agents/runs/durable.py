"""Files that are whole or not there, and that can tell whether they still are what was written."""

import errno
import hashlib
from dataclasses import dataclass
from pathlib import Path

from vision.files import write_whole


class DamagedFileError(Exception):
    """A file is not what was written; the message names it and says what is wrong."""


@dataclass(frozen=True)
class FileRecord:
    """What a file must be: its path under some root, its length and its SHA-256."""

    name: str
    size: int
    sha256: str

    def check(self, root: Path) -> None:
        """Compare with the disk.

        Raises:
            DamagedFileError: the file is missing, cut short or altered.
        """
        path = root / self.name
        try:
            if path.stat().st_size != self.size:
                raise DamagedFileError(f"{self.name} has {path.stat().st_size} bytes of {self.size}")
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DamagedFileError(f"{self.name} cannot be read ({error.strerror})") from error
        if digest != self.sha256:
            raise DamagedFileError(f"{self.name} was altered")


def write_durably(root: Path, name: str, data: bytes) -> FileRecord:
    """Write a file so that after a crash it is there whole, or not at all.

    Raises:
        OSError: the disk is full, or something of that kind; nothing is left behind.
    """
    path = root / name
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is there, and is no ordinary file", str(path))
    write_whole(path, data)
    return FileRecord(name, len(data), hashlib.sha256(data).hexdigest())
