"""Published events beside the presets: the command, and that nothing is made to fit but what says so."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.events import AS_IT_COMES, EVENTS, beside


def command(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["grid", "event", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_split_and_odessa_are_shown_with_what_was_recorded():
    told = json.loads(command("ce-2021-north-west", "--json"))
    assert told["extreme"]["published_hz"] == 49.74
    assert told["fit"] == AS_IT_COMES
    seen = {milestone["t_s"]: milestone["published_hz"] for milestone in told["milestones"]}
    assert seen == {15.0: 49.74, 60.0: 49.84}, "the second update of ENTSO-E"
    assert "59.817" in command("odessa-2021")


@pytest.mark.parametrize(
    ("name", "loss_mw", "rocof_hz_per_s"),
    [
        pytest.param("odessa-2021", 1304.0, -60.0 * 1304.0 / (2.0 * 200_000.0), id="Odessa: f0 dP / (2 Ek)"),
        pytest.param("gb-2019", 1481.0, -50.0 * 1481.0 / (2.0 * 210_000.0), id="1481 MW in the first second"),
    ],
)
def test_the_first_slope_is_the_closed_form(name, loss_mw, rocof_hz_per_s):
    found = beside(EVENTS[name])
    assert -sum(loss.power_mw for loss in found.losses if loss.start_s < 2.0) == loss_mw
    assert found.rocof_hz_per_s == pytest.approx(rocof_hz_per_s, rel=1e-6)


def test_only_the_calibrated_preset_is_said_to_be_fitted_and_it_meets_its_tolerances():
    assert [name for name, event in EVENTS.items() if event.fit != AS_IT_COMES] == ["gb-2019"]
    found = beside(EVENTS["gb-2019"])
    assert 48.75 <= found.extreme_hz <= 48.80
    first_dip = found.milestones[0]
    assert first_dip.model_hz == pytest.approx(first_dip.published_hz, abs=0.05)


def test_an_event_can_be_drawn_and_an_unknown_one_is_refused(tmp_path: Path):
    command("ce-2021-south-east", "--svg", str(tmp_path / "split.svg"))
    assert "<polyline" in (tmp_path / "split.svg").read_text()
    assert command().count("\n") >= 4
    refused = CliRunner().invoke(app, ["grid", "event", "odesa-2021"])
    assert refused.exit_code == 2
    assert "Did you mean 'odessa-2021'?" in refused.stderr
