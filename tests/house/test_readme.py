"""The README tells the truth: the commands are those that are checked, output and picture are real, examples run.

After a change that moves the quickstart's figures, refresh both: python tests/house/test_readme.py
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cosim.scenario import Scenario
from experiments import load_run
from experiments.cli import app
from experiments.report.picture import picture_svg

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PICTURE = ROOT / "notebooks" / "quickstart.svg"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = "fleet|ev|evse|secc|link|grid|measurement|schedule|limits|record"


def text() -> str:
    return README.read_text(encoding="utf-8")


def blocks(language: str, section: str = "") -> list[str]:
    """Fenced blocks of a language, below one heading or in the whole page."""
    page = text()
    if section:
        page = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [body for kind, body in BLOCK.findall(page) if kind == language]


def two_commands() -> list[str]:
    return [line for line in blocks("bash")[0].splitlines() if line.startswith("python3 -m venv")]


def v2g_cosim(arguments: Sequence[str], folder: Path) -> str:
    """What a command prints to its standard output, in a process of its own; it must succeed."""
    command = [sys.executable, "-m", "experiments.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"v2g-cosim {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def v2g_cosim_here(arguments: Sequence[str], folder: Path) -> str:
    """The same without the start of a process, whose imports take as long as a short run."""
    with chdir(folder):
        done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, f"v2g-cosim {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def run_the_lines(section: str, folder: Path) -> list[str]:
    """Run the commands shown below a heading; what each one printed. `run` starts truly in `quickstart` below."""
    (block,) = blocks("bash", section)
    lines = [line.split() for line in block.splitlines()]
    assert all(words[0] == "v2g-cosim" for words in lines)
    return [(v2g_cosim_here if words[1] == "run" else v2g_cosim)(words[1:], folder) for words in lines]


def figures(output: str) -> list[str]:
    """The part of a run's output that depends on nothing but the scenario: from the head to the checks."""
    lines = [line.rstrip() for line in output.splitlines()]
    last = next(number for number, line in enumerate(lines) if line.lstrip().startswith("checks"))
    return lines[: last + 1]


# --- the two commands ---


def test_the_two_commands_run_first_and_test_second() -> None:
    run, test = two_commands()
    assert run.endswith(" -c constraints.txt -e . && .venv/bin/v2g-cosim run quickstart")
    assert test.endswith(" -c constraints.txt -e '.[test]' && .venv/bin/python -m pytest")


def test_the_check_script_runs_these_two_lines_unchanged() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (extraction,) = re.findall(r"mapfile -t commands < <\((.*)\)\n", script)
    found = subprocess.run(["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == two_commands()
    for place, name in enumerate(("run_command", "test_command")):
        assert f"{name}=${{commands[{place}]}}\n" in script
        assert f'eval "${name}"' in script


# --- what the first one shows ---


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Output and folder of a real run."""
    folder = tmp_path_factory.mktemp("quickstart")
    return v2g_cosim(["run", "quickstart", "--no-report"], folder), folder / "runs" / "latest"


def test_the_output_shown_is_real(quickstart: tuple[str, Path]) -> None:
    assert figures(blocks("text")[0]) == figures(quickstart[0]), "refresh it: python tests/house/test_readme.py"


def test_the_picture_shown_is_drawn_from_that_run(quickstart: tuple[str, Path]) -> None:
    assert "](notebooks/quickstart.svg)" in text()
    drawn = picture_svg(load_run(quickstart[1]))
    assert PICTURE.read_text(encoding="utf-8") == drawn, "refresh it: python tests/house/test_readme.py"


def test_the_picture_refers_to_nothing_outside_itself() -> None:
    links = re.findall(r"(?:href|src|url)\s*[=(]|https?://[^\"]+", PICTURE.read_text(encoding="utf-8"))
    assert links == ["http://www.w3.org/2000/svg"]


# --- the examples ---


def test_the_policy_in_ten_lines_is_ten_lines_and_runs(tmp_path: Path) -> None:
    section = "A policy in ten lines"
    (source,) = blocks("python", section)
    code = [line for line in source.splitlines() if line and not line.startswith("#")]
    assert len(code) <= 10
    (tmp_path / "my_policy.py").write_text(source, encoding="utf-8")
    first, second, compared = run_the_lines(section, tmp_path)
    assert "my_policy" in first
    assert all("invariants hold" in output for output in (first, second))
    assert re.search(r"policy\.full_hz .*0\.4", compared)
    run = load_run("latest", runs=tmp_path / "runs")
    assert run.kpis["nadir_hz"] > run.kpis["nadir_without_hz"], "the policy helps"


def test_a_recorded_frequency_in_the_layout_of_neso_is_followed(tmp_path: Path) -> None:
    section = "A frequency you recorded"
    (scenario,) = blocks("toml", section)
    (shown,) = blocks("text", section)
    (tmp_path / "my-event.toml").write_text(scenario, encoding="utf-8")
    header, *_ = shown.splitlines()
    rows = [
        f"2019-08-09 15:{52 + k // 60}:{k % 60:02d},{50.0 - 0.25 * min(max(k - 60, 0) / 20, 1):.3f}" for k in range(270)
    ]
    (tmp_path / "f-2019-8.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    validated, output = run_the_lines(section, tmp_path)
    assert "holds" in validated
    assert "replay of f-2019-8.csv" in output
    run = load_run("latest", runs=tmp_path / "runs")
    assert run.kpis["nadir_hz"] == pytest.approx(49.75)
    grid = run.grid(columns=["time_s", "frequency_hz"]).set_index("time_s").frequency_hz
    assert grid.loc[99.9] == pytest.approx(50.0 - 0.25 * 9.9 / 20, abs=0.002), "30 s later than in the file"
    assert run.kpis["discharged_wh"] > 0.0


def test_the_bytes_are_shown_as_said(tmp_path: Path) -> None:
    output, shown = run_the_lines("On the wire", tmp_path)
    assert "invariants hold" in output
    assert (tmp_path / "runs" / "latest" / "capture.pcapng").stat().st_size > 50_000
    assert shown.splitlines()[:2] == [
        "payload type 0x8002 (COMMON_MESSAGES), 24 bytes after the header of 8",
        "SessionSetupReq",
    ]


def test_reading_a_run_works_as_shown(quickstart: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = blocks("python", "The run folder")
    monkeypatch.chdir(quickstart[1].parents[1])
    exec(compile(source, "README.md", "exec"), {})


def test_the_run_folder_is_as_shown(quickstart: tuple[str, Path]) -> None:
    (shown,) = blocks("text", "The run folder")
    names = re.findall(r"^  ([\w.]+)", shown, re.MULTILINE)
    assert {path.name for path in quickstart[1].iterdir()} | {"report.html"} == set(names)
    tables = re.search(r"tables/ +([\w ]+), as Parquet", shown)
    assert tables is not None
    assert sorted(tables[1].split()) == sorted(path.name for path in (quickstart[1] / "tables").iterdir())


def test_settings_and_commands_named_in_the_page_exist() -> None:
    scenario = Scenario()
    for section, key in re.findall(rf"[` ]({SECTIONS})\.([a-z_]+)[` =]", text()):
        assert key in type(getattr(scenario, section)).model_fields, f"{section}.{key}"
    commands = set(
        re.findall(r"v2g-cosim (\w+)", "\n".join(blocks("bash")) + "".join(re.findall(r"`[^`\n]+`", text())))
    )
    assert {"run", "trace", "compare"} <= commands
    known = v2g_cosim(["--help"], ROOT)
    assert {command for command in commands if not re.search(rf"\b{command}\b", known)} == set()


def test_links_lead_to_files_that_are_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


# --- the house ---


def tracked_texts() -> dict[str, str]:
    """Text files under version control, by name."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = {}
    for name in listed.strip("\0").split("\0"):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in content[:8000]:
            texts[name] = content.decode("utf-8")
    return texts


def test_no_file_names_a_package_registry_or_a_path_of_some_machine() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    words = re.compile(
        r"://[^\s\"']*(?:pypi|pythonhosted|conda|simple/)|--?index-url|(?<![\w.])/(?:home|root|Users|tmp|work)/\w"
    )
    wrong = [
        f"{name}: {found[0]}"
        for name, content in tracked_texts().items()
        if name != here
        for found in words.finditer(content)
    ]
    assert wrong == []


def test_there_are_a_changelog_and_a_licence() -> None:
    assert re.search(r"^## Unreleased$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


# --- refreshing ---


def refresh() -> None:
    """Put the output and the picture of a run made now into the README."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / ".venv").symlink_to(sys.prefix)
        command = [".venv/bin/v2g-cosim", "run", "quickstart"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        output = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
        README.write_text(text().replace(blocks("text")[0], output, 1), encoding="utf-8")
        PICTURE.write_text(picture_svg(load_run(folder / "runs" / "latest")), encoding="utf-8")


if __name__ == "__main__":
    refresh()
