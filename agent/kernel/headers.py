"""Kernel headers for BCC: where the running kernel brings none, a distribution's kernel headers serve.

The programs use uapi headers only, whose layouts never change, so headers of another version suffice.
`python -m agent.kernel.headers` links them (root), which `scripts/setup` does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

MODULES = Path("/lib/modules")
SOURCES = Path("/usr/src")


class HeadersMissing(Exception):
    """BCC would find no kernel headers here; the message says what to install or to run."""


def link_headers(release: str = os.uname().release, modules: Path = MODULES, sources: Path = SOURCES) -> Path:
    """Makes /lib/modules/RELEASE/build and `source` point to installed headers, unless they already are
    there.

    Returns the `build` folder; raises HeadersMissing.
    """
    build = modules / release / "build"
    if (build / "include").is_dir():
        return build
    architecture, common = _installed(sources)
    try:
        build.parent.mkdir(parents=True, exist_ok=True)
        for link, target in ((build, architecture), (build.with_name("source"), common)):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    except OSError as error:
        raise HeadersMissing(
            f"cannot link {build} to {architecture}: {error.strerror};"
            " run as root: python -m agent.kernel.headers"
        ) from error
    return build


def _installed(sources: Path) -> tuple[Path, Path]:
    """The newest pair of Debian's header folders: of the architecture, and common to all."""
    for common in sorted(sources.glob("linux-headers-*-common"), reverse=True):
        stem = common.name.removesuffix("common")
        for architecture in sorted(sources.glob(f"{stem}*")):
            if architecture != common and (architecture / "include").is_dir():
                return architecture, common
    raise HeadersMissing(
        f"no kernel headers under {sources};"
        " on Debian install: apt-get install linux-headers-$(dpkg --print-architecture)"
    )


if __name__ == "__main__":
    try:
        print(link_headers())
    except HeadersMissing as missing:
        sys.exit(str(missing))
