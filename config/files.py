"""What makes up a configuration: one file, `NAME.d/*.yaml` beside it, a folder of them alone, or what is kept elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

MAIN = "tenants.yaml"


@dataclass(frozen=True, slots=True)
class Files:
    """What is read for a path."""

    main: Path | None
    """The file that may hold `server:`; None: a folder without one."""
    parts: tuple[Path, ...]
    """The files that hold tenants only, by name."""
    misnamed: tuple[Path, ...]
    """Files that would be parts if their names ended in .yaml."""
    folder: Path
    """Where the parts are, or would be."""
    home: Path
    """Where relative paths of `server:` begin and `.env` is (absolute)."""

    @property
    def all(self) -> tuple[Path, ...]:
        """In the order in which they are read."""
        return (*([self.main] if self.main else []), *self.parts)


def files_of(path: Path) -> Files:
    """The files that *path* stands for. Looks at folders only; raises OSError if one cannot be read.

    A file: itself, and the folder beside it that has its name with `.d` (`tenants.yaml`, `tenants.d`). A folder that holds
    `tenants.yaml`: that file. Any other folder: the files in it, as if `tenants.yaml` beside it were missing.
    """
    if not path.is_dir():
        return _found(path, path.with_suffix(".d"), path.absolute().parent)
    if (path / MAIN).exists():
        return files_of(path / MAIN)
    return _found(None, path, path.absolute().parent)


@dataclass(frozen=True, slots=True)
class Remote:
    """A tenants file that is kept elsewhere, as it was fetched: one document, with no folder around it."""

    name: str
    """What problems call it, e.g. `s3://my-business-config/tenants.yaml`."""
    content: bytes = field(repr=False)
    address: str
    """How it is asked for again."""
    mark: object = None
    """Something that differs once the content does."""

    def __str__(self) -> str:
        return self.name

    def emptied(self) -> Remote:
        """The same without its content, which is large where there are many tenants."""
        return replace(self, content=b"")


def home_of(path: Path | Remote) -> Path:
    """Where `.env` is: `files_of(path).home`, for what is no file the working directory. Never raises."""
    if isinstance(path, Remote):
        return Path.cwd()
    return path.absolute() if path.is_dir() and (path / MAIN).exists() else path.absolute().parent


def _found(main: Path | None, folder: Path, home: Path) -> Files:
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    visible = [file for file in inside if not file.name.startswith(".")]
    parts = tuple(file for file in visible if file.suffix == ".yaml")
    misnamed = tuple(file for file in visible if file.suffix == ".yml")
    return Files(main, parts, misnamed, folder, home)
