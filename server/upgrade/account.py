"""As whom commands touch the data: root would leave files behind that the server may not write."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict


class Switched(TypedDict, total=False):
    """Arguments of subprocess.Popen."""

    user: int
    group: int
    extra_groups: Sequence[int]


@dataclass(frozen=True)
class Account:
    """A user of this machine; `uid` None: whoever we are."""

    uid: int | None = None
    gid: int = -1

    def switched(self) -> Switched:
        """What makes a process this user's."""
        if self.uid is None:
            return {}
        try:
            groups = os.getgrouplist(pwd.getpwuid(self.uid).pw_name, self.gid)
        except KeyError:  # a number without a name
            groups = [self.gid]
        return {"user": self.uid, "group": self.gid, "extra_groups": groups}

    def make_folder(self, path: Path) -> None:
        """Make *path* (its parent is there), for this user alone. Raises OSError."""
        if path.is_dir():
            return
        path.mkdir(mode=0o700)
        if self.uid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def owner_of(path: Path) -> Account:
    """The user whose file *path* is, if we are root; else whoever we are. Raises OSError."""
    found = path.stat()
    if os.geteuid() != 0 or found.st_uid == 0:
        return Account()
    return Account(found.st_uid, found.st_gid)
