"""Run folders: how they are called, found again (`latest`, `latest~1`), and described in their manifest."""

import datetime
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from experiments.errors import UserError
from experiments.keys import did_you_mean

RUNS = Path("runs")
LATEST = "latest"
MANIFEST = "manifest.json"
CONFIG = "config.toml"
KPIS = "kpis.json"
REPORT = "report.html"


def new_folder(
    label: str, config_hash: str, started: datetime.datetime, out: Path | None = None, runs: Path = RUNS
) -> Path:
    """Make the folder of a run: `out` itself, or `runs/<label>-<utc>-<hash6>`. Raises UserError if `out` is in use."""
    if out is not None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"--out {out}: exists and is not an empty folder")
        out.mkdir(parents=True, exist_ok=True)
        return out
    name = f"{label}-{started:%Y%m%d-%H%M%S}-{config_hash[:6]}"
    number = 1
    while True:
        folder = runs / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # a second run within the same second
            number += 1
        else:
            return folder


def point_latest(folder: Path) -> None:
    """Let `latest` beside `folder` stand for it: a link, or a text file LATEST where links are not to be had."""
    link = folder.parent / LATEST
    fresh = folder.parent / f".{LATEST}-{os.getpid()}"
    try:
        fresh.symlink_to(folder.name, target_is_directory=True)
        fresh.replace(link)
    except OSError:
        fresh.unlink(missing_ok=True)
        (folder.parent / "LATEST").write_text(folder.name + "\n", encoding="utf-8")


def find_run(name: str | os.PathLike[str], runs: Path = RUNS) -> Path:
    """Folder of a run: a path, a name below runs/, the start of one, `latest`, or `latest~1` for the one before.

    Where this is a folder of variants, `<any of these>/NAME` is the variant NAME. Raises UserError.
    """
    path = Path(name)
    if (path / MANIFEST).is_file():
        return path.resolve() if path.is_symlink() else path
    variant = None if path.is_dir() else _variant(path, runs)
    return variant or _run_below(path, runs)


def _variant(path: Path, runs: Path) -> Path | None:
    """The variant that a path ends in; None if what stands before it is no run."""
    if len(path.parts) < 2:
        return None
    try:
        around = find_run(path.parent, runs)
    except UserError:
        return None
    inside = variants_of(around)
    if path.name in inside:
        return inside[path.name]
    told = did_you_mean(path.name, inside) if inside else " It is a single run."
    raise UserError(f"{path.parent.as_posix()} has no variant '{path.name}'.{told}")


def _run_below(path: Path, runs: Path) -> Path:
    text = path.as_posix()
    known = run_folders(runs)
    back = re.fullmatch(r"(?:runs/)?latest(?:~(\d+))?", text)
    if back:
        steps = int(back.group(1) or 0)
        if steps < len(known):
            return known[-1 - steps]
        raise UserError(f"there is no run '{text}': {runs}/ holds {len(known)} {'run' if len(known) == 1 else 'runs'}")
    matches = [folder for folder in known if folder.name.startswith(text)]
    if len(matches) == 1 or any(folder.name == text for folder in matches):
        return min(matches, key=lambda folder: len(folder.name))
    if path.is_dir():
        raise UserError(f"'{text}' is a folder, but it has no {MANIFEST}, so it is no run")
    if matches:
        raise UserError(f"'{text}' fits several runs: {', '.join(folder.name for folder in matches)}")
    raise UserError(f"there is no run '{text}'.{did_you_mean(text, [folder.name for folder in known])}")


def run_folders(runs: Path = RUNS) -> list[Path]:
    """Run folders below `runs`, oldest first."""
    folders = [path.parent for path in runs.glob(f"*/{MANIFEST}") if not path.parent.is_symlink()]
    return sorted(folders, key=lambda folder: (read_manifest(folder).get("started", ""), folder.name))


def variants_of(folder: Path) -> dict[str, Path]:
    """The runs inside a folder that holds the variants of one scenario; empty for a plain run."""
    return {name: folder / name for name in read_manifest(folder).get("variants", [])}


def ways_in(name: str | os.PathLike[str], folder: Path) -> str:
    """What to type for each of the runs in a folder of variants that was found as `name`."""
    return listed([f"{Path(name).as_posix()}/{variant}" for variant in variants_of(folder)])


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in a sentence; of many the first ones, and how many more there are."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more"


def write_json(path: Path, data: Any) -> None:
    """Write a JSON document in one step: whoever reads sees the old one or the new one."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(json_text(data), encoding="utf-8")
    unfinished.replace(path)


def json_text(data: Any) -> str:
    """JSON for people and machines: indented, without NaN."""
    return json.dumps(finite(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def finite(data: Any) -> Any:
    """`data` as JSON can say it: None in place of nan and infinities, text in place of objects it does not know.

    Such objects come from a policy of one's own, as defaults of its parameters.
    """
    if data is None or isinstance(data, str | bool | int):
        return data
    if isinstance(data, Integral):  # numpy's
        return int(data)
    if isinstance(data, float):
        return float(data) if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(key): finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(item) for item in data]
    return str(data)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run; empty if it cannot be read."""
    return read_json(folder / MANIFEST)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON document that holds one object; empty if there is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def sha256(path: Path) -> str:
    """Hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_inputs(files: Mapping[str, Path], folder: Path) -> dict[str, dict[str, str]]:
    """Copy input files into `inputs/` of a run.

    Returns
    -------
    dict
        For each setting the copy's `file` relative to the run folder, its `sha256`, and the `source` it came from.
    """
    copied: dict[str, dict[str, str]] = {}
    taken: dict[str, str] = {}
    for key, path in files.items():
        digest = sha256(path)
        name = path.name if taken.get(path.name, digest) == digest else f"{key}-{path.name}"
        taken[name] = digest
        (folder / "inputs").mkdir(exist_ok=True)
        shutil.copyfile(path, folder / "inputs" / name)
        copied[key] = {"file": f"inputs/{name}", "sha256": digest, "source": path.name}
    return copied
