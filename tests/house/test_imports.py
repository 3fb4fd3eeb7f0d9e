"""Who may know whom: the import table of the packages, walked over the source."""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"protocol", "models", "cosim", "experiments", "notebooks", "tests"}
# package -> packages of ours it may import, third-party packages it may import anywhere
ALLOWED = {
    "protocol": (set(), set()),
    "models": (set(), {"numpy"}),
    "cosim": ({"protocol", "models"}, {"simpy", "numpy", "pydantic", "numba"}),
    "experiments": (
        {"protocol", "models", "cosim"},
        {"numpy", "pandas", "pyarrow", "typer", "pydantic", "pydantic_core", "rich", "simpy", "duckdb", "polars"},
    ),
}
STANDARD = __import__("sys").stdlib_module_names


@functools.cache
def imports_of(path: Path) -> list[tuple[str, int]]:
    """Top-level names that a file imports, with their lines; relative imports come out as '.'."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name.partition(".")[0], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(("." if node.level else (node.module or "").partition(".")[0], node.lineno))
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_the_table_allows(package: str) -> None:
    ours, third_party = ALLOWED[package]
    files = list((ROOT / package).rglob("*.py"))
    assert files, f"{package} is empty"
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for name, line in imports_of(path)
        if name not in STANDARD and name not in {package, *ours, *third_party}
    ]
    assert not wrong


def test_the_walk_sees_a_forbidden_import(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("def f():\n    from cosim.world import World\n    import simpy.events\n", encoding="utf-8")
    assert [name for name, _ in imports_of(file)] == ["cosim", "simpy"]


def test_the_message_lane_is_the_only_user_of_simpy_in_the_simulation_packages() -> None:
    users = {
        folder
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        if any(name == "simpy" for name, _ in imports_of(path))
    }
    assert users <= {"cosim", "experiments", "tests"}


def test_top_level_folders_are_exactly_the_agreed_ones() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert folders - {"runs"} == OURS


def test_one_file_alone_compiles() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        if folder != "tests" and any(name == "numba" for name, _ in imports_of(path))
    }
    assert users == {"cosim/kernel.py"}
