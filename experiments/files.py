"""Files that a scenario names: relative to the scenario, or packaged data by plain name."""

from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from experiments.errors import UserError
from experiments.keys import did_you_mean

DATA = Path(str(resources.files("experiments"))) / "data"


class FileKey(NamedTuple):
    """A setting that names a file; `folder` holds the packaged ones, which go by their name without ending."""

    name: str
    folder: str = ""


FILE_KEYS = (
    FileKey("fleet.vehicles", "vehicles"),
    FileKey("fleet.arrival.file"),
    FileKey("grid.preset", "grid"),
    FileKey("grid.neighbour", "grid"),
    FileKey("grid.file", "series"),
    FileKey("grid.baseline_file", "series"),
    FileKey("grid.imbalance.file", "series"),
    FileKey("schedule.file", "series"),
    FileKey("policy.name"),
)
RENAMED = {"vehicles": {"nl-2024": DATA / "fleet" / "ev_models.csv"}}  # lies with the other fleet statistics


def looks_like_path(value: str) -> bool:
    """Whether a name is meant as a file: it has a folder or an ending."""
    return "/" in value or "\\" in value or bool(Path(value).suffix)


def policy_file(name: str) -> tuple[str, str] | None:
    """File and attribute of a policy given as `./file.py:attribute`, or just the file; None for other names."""
    file, _, attribute = name.rpartition(":") if ".py:" in name else (name, "", "")
    return (file, attribute) if file.endswith(".py") else None


def short_policy(name: str) -> str:
    """A policy's name without the folders of its file."""
    own = policy_file(name)
    return ":".join(part for part in (Path(own[0]).name, own[1]) if part) if own else name


def anchor(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """`data` with the files it names made absolute, seen from `folder`; names of packaged data stay."""
    anchored = dict(data)
    for key in FILE_KEYS:
        section, _, last = key.name.rpartition(".")
        _anchor(anchored, [*section.split("."), last], key, folder)
    return anchored


def _anchor(data: dict[str, Any], path: list[str], key: FileKey, folder: Path) -> None:
    head, *rest = path
    value = data.get(head)
    if rest:
        if isinstance(value, dict):
            data[head] = dict(value)
            _anchor(data[head], rest, key, folder)
    elif isinstance(value, str) and value:
        data[head] = _anchored(value, key, folder)


def _anchored(value: str, key: FileKey, folder: Path) -> str:
    if key.name == "policy.name":
        file = policy_file(value)
        return f"{(folder / file[0]).resolve()}:{file[1]}".rstrip(":") if file else value
    if not looks_like_path(value) or (not (folder / value).exists() and (DATA / key.folder / value).is_file()):
        return value
    return str((folder / value).resolve())


def packaged(key: FileKey) -> dict[str, Path]:
    """Packaged data that a setting may name."""
    if not key.folder:
        return {}
    found = {path.stem: path for path in sorted((DATA / key.folder).glob("*")) if path.suffix != ".md"}
    return {**RENAMED.get(key.folder, {}), **found}


def locate(name: str, value: str) -> Path:
    """The file that the setting `name` stands for; raises UserError when there is none."""
    key = next(key for key in FILE_KEYS if key.name == name)
    known = packaged(key)
    if value in known:
        return known[value]
    path = DATA / key.folder / value if key.folder else Path(value)  # an absolute value stays what it is
    if path.is_file():
        return path
    if looks_like_path(value) or not known:
        raise UserError(f"{name}: there is no file '{value}'")
    raise UserError(f"{name}: there is no '{value}'.{did_you_mean(value, known)}")


def packaged_file(name: str, value: str) -> Path:
    """A file given on the command line: a path, or packaged data of the setting `name`. Raises UserError."""
    path = Path(value)
    if path.is_file() or looks_like_path(value):
        return path
    known = packaged(next(key for key in FILE_KEYS if key.name == name))
    if value not in known:
        raise UserError(f"there is no file '{value}', and no packaged one.{did_you_mean(value, known)}")
    return known[value]
