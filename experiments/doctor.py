"""Is this installation well: versions, extras, packages hidden by others of the same name, a folder to write to."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from experiments import environment, folder


class Finding(NamedTuple):
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


def findings() -> list[Finding]:
    """Everything there is to look at. What is merely missing and optional is ok."""
    return [*_interpreter(), *_dependencies(), *_extras(), *_own_packages(), _write_access()]


def _interpreter() -> list[Finding]:
    versions = environment.versions()
    state = environment.git_state()
    code = str(Path(__file__).parent.parent)
    if state:
        code += f", commit {state['commit'][:10]}{' and changes' if state['dirty'] else ''}"
    return [
        Finding("python", True, f"{versions['python']}, {environment.interpreter()}"),
        Finding("v2g-cosim", True, f"{versions.get('v2g-cosim', 'not installed, run from its folder')}, {code}"),
        Finding("machine", True, f"{environment.machine()}, {os.cpu_count()} cores"),
    ]


def _dependencies() -> list[Finding]:
    found = []
    for name in environment.DEPENDENCIES:
        version = environment.version_of(name)
        found.append(Finding(name, version is not None, version or "missing: pip install -c constraints.txt -e ."))
    return found


def _extras() -> list[Finding]:
    found = []
    for name, extra in environment.EXTRAS.items():
        version = environment.version_of(name)
        found.append(Finding(name, True, version or f"not installed (optional: pip install -e '.[{extra}]')"))
    return found


def _own_packages() -> list[Finding]:
    problems = environment.shadowed()
    names = ", ".join(environment.OWN_PACKAGES)
    return [Finding("packages", not problems, "; ".join(problems) or f"{names} are ours")]


def _write_access() -> Finding:
    place = folder.RUNS if folder.RUNS.is_dir() else Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding("runs", False, f"cannot write to {place}: {error.strerror}")
    return Finding("runs", True, f"{place.resolve()} can be written")
