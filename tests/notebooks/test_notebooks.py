"""The notebooks run from top to bottom, in a folder of their own, and are stored without outputs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
notebooks = pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in NOTEBOOKS])


def test_there_is_a_notebook_to_begin_with() -> None:
    assert "01_quickstart.ipynb" in [path.name for path in NOTEBOOKS]


@notebooks
def test_a_notebook_is_valid_and_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@notebooks
def test_a_notebook_uses_only_what_is_public(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    modules = {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    modules |= {
        name.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for name in node.names
    }
    ours = {module for module in modules if module.partition(".")[0] in ("protocol", "models", "cosim", "experiments")}
    assert {module for module in ours if module != "experiments" and not module.startswith("models")} == set()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    """One for all, emptied for each: to start it and to import what they use takes longer than most of their cells."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TMPDIR", str(tmp_path_factory.mktemp("kernel")))  # where notebooks put their runs
        environment.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        manager, client = start_new_kernel(kernel_name="python3")
    client.stop_channels()
    yield manager
    manager.shutdown_kernel(now=True)


@notebooks
@pytest.mark.timeout(90)
def test_a_notebook_runs_in_an_empty_folder(path: Path, tmp_path: Path, kernel: KernelManager) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {tmp_path}"))
    NotebookClient(notebook, timeout=60, km=kernel).execute()
    kinds = {kind for cell in notebook.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= kinds, "a run draws itself, and there are pictures"
