"""Where a run happens: versions, state of the source tree, optional extras, and whether our packages are ours."""

import importlib
import importlib.metadata
import importlib.util
import platform
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

OWN_PACKAGES = ("protocol", "models", "cosim", "experiments")
DEPENDENCIES = ("simpy", "numpy", "pandas", "pyarrow", "typer", "pydantic", "rich")
EXTRAS = {"duckdb": "query", "polars": "query", "matplotlib": "notebook", "nbclient": "notebook", "numba": "test"}


class InstallationError(RuntimeError):
    """Something about this installation that a user can mend; exit code 3."""


class MissingExtraError(InstallationError):
    """An optional library is not installed."""


def optional(name: str) -> ModuleType:
    """Import an optional library; raises MissingExtraError saying how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError(
            f"'{name}' is not installed. Install it with: pip install -e '.[{EXTRAS.get(name, name)}]'"
        ) from None


def shadowed() -> list[str]:
    """Which of our packages, whose names are generic, are hidden by something else, in words."""
    root = Path(__file__).parent.parent
    problems = []
    for name in OWN_PACKAGES:
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec else None
        if origin is None or Path(origin).parent.parent != root:
            problems.append(f"'{name}' is {origin or 'not found'}, expected {root / name / '__init__.py'}")
    return problems


def check_packages() -> None:
    """Raise InstallationError when one of our packages is not ours."""
    problems = shadowed()
    if problems:
        raise InstallationError(f"another package hides ours: {'; '.join(problems)}")


def version_of(distribution: str) -> str | None:
    """Installed version; None if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Versions that decide a run: ours, Python's and those of the libraries we build on."""
    found = {name: version_of(name) for name in ("v2g-cosim", *DEPENDENCIES)}
    return {"python": platform.python_version(), **{name: version for name, version in found.items() if version}}


def git_state() -> dict[str, Any] | None:
    """Commit of our source tree and whether it has been changed; None when it is no git checkout."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(_git(root, "status", "--porcelain", "--untracked-files=no"))}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def machine() -> str:
    """Kind of machine, without its name."""
    return f"{platform.system()} {platform.machine()}"


def interpreter() -> str:
    """The Python that runs."""
    return sys.executable
