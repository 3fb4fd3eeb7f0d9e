"""Scenarios: where values come from, which win, and what is said when they do not hold."""

from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.load import load, load_one, load_scenario, packaged_scenarios
from experiments.validate import validate


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


# (overrides or file text, what the one line of the error must contain)
BAD_OVERRIDES = [
    pytest.param("fleet.nev=100", "override 1: unknown key 'fleet.nev'. Did you mean 'fleet.n_ev'?", id="unknown key"),
    pytest.param("flet.n_ev=100", "override 1: unknown key 'flet'. Did you mean 'fleet'?", id="unknown section"),
    pytest.param("n_ev=100", "unknown key 'n_ev'. Did you mean 'fleet.n_ev'?", id="key without its section"),
    pytest.param("fleet.services.ACC=1", "Did you mean 'fleet.services.AC'?", id="unknown service"),
    pytest.param("fleet.n_ev=0", "override 1: fleet.n_ev must be at least 1, got 0", id="impossible value"),
    pytest.param("fleet.n_ev=many", "fleet.n_ev must be a whole number, got 'many'", id="wrong type"),
    pytest.param("grid.tick_s=4", "grid.tick_s must be at most 1, got 4", id="above the range"),
    pytest.param(
        "grid.model=loop",
        "must be 'closed_loop', 'reconstructed', 'replay' or 'nominal', got 'loop'",
        id="no such choice",
    ),
    pytest.param(
        "fleet.soc=[0.9,0.1]", "override 1: fleet: soc must be two shares in rising order", id="two values at odds"
    ),
    pytest.param("fleet=3", "fleet must be a table, got 3", id="a value where a section is"),
    pytest.param("fleet.n_ev", "override 1 is 'fleet.n_ev': expected section.key=value", id="no equals sign"),
    pytest.param("fleet.soc=[0.9", "override 1, fleet.soc: not a TOML value", id="broken list"),
    pytest.param("grid.events.7.t_s=1", "there are 1 grid.events, counted from 0", id="event that is not there"),
    pytest.param("policy.name=drop", "there is no policy 'drop'. Did you mean 'droop'?", id="unknown policy"),
    pytest.param(
        "policy.drop_pu=1", "unknown key 'policy.drop_pu'. Did you mean 'policy.droop_pu'?", id="unknown parameter"
    ),
    pytest.param(
        "policy.droop_pu=much", "policy.droop_pu must be a number, got 'much'", id="parameter that is no number"
    ),
    pytest.param("policy.name=./nowhere.py:f", "there is no file", id="missing policy file"),
    pytest.param(
        "grid.preset=nordik", "grid.preset: there is no 'nordik'. Did you mean 'nordic'?", id="unknown preset"
    ),
    pytest.param("fleet.vehicles=cars.csv", "fleet.vehicles: there is no file", id="missing vehicle table"),
    pytest.param("fleet.vehicles=bidirektional", "Did you mean 'bidirectional'?", id="unknown vehicle table"),
    pytest.param("fleet.model=Hyundai", "has no 'Hyundai'. Did you mean 'Hyundai Kona'?", id="unknown model"),
    pytest.param("grid.model=replay", "grid.file must name a file", id="replay without a file"),
]


@pytest.mark.parametrize(("override", "complaint"), BAD_OVERRIDES)
def test_an_override_that_does_not_hold_is_told_in_one_line(override: str, complaint: str, here: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_scenario("quickstart", [override])
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_FILES = [
    pytest.param("[fleet]\nn_ev = 4\nnev = 5\n", "mine.toml line 3: unknown key 'fleet.nev'", id="unknown key"),
    pytest.param(
        "seed = 1\n[fleet]\nn_ev = -1\n", "mine.toml line 3: fleet.n_ev must be at least 1, got -1", id="value"
    ),
    pytest.param("[fleet\nn_ev = 4\n", "mine.toml: not valid TOML", id="syntax"),
    pytest.param('extends = "nothing"\n', "mine.toml line 1: there is no scenario 'nothing'", id="extends nothing"),
    pytest.param('extends = "./mine.toml"\n', "extends itself", id="extends itself"),
    pytest.param("[[grid.events]]\nt_s = 3.0\n", "grid.events.0.power_mw is required", id="missing value"),
    pytest.param("axes = 3\n", "axes must be a table of settings", id="axes that are none"),
    pytest.param("[axes]\nev.loop_gap_s = 1\n", "axes.ev.loop_gap_s must be a list of values, got 1", id="one value"),
    pytest.param("[axes]\nev.loop_gap = [1]\n", "unknown key 'ev.loop_gap'. Did you mean", id="unknown axis"),
    pytest.param('verdict = [["a", "b", "c"]]\n', "verdict must be a list of key figures", id="three of a kind"),
    pytest.param("variants = 3\n", "variants must be tables", id="variants that are none"),
    pytest.param(
        '[variants.a]\n"fleet.nev" = 3\n', "[variants.a]: unknown key 'fleet.nev'", id="unknown key in a variant"
    ),
]


@pytest.mark.parametrize(("text", "complaint"), BAD_FILES)
def test_a_file_that_does_not_hold_is_told_with_its_line(text: str, complaint: str, here: Path) -> None:
    with pytest.raises(UserError, match="mine") as caught:
        load(written(here / "mine.toml", text))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_problems_are_told_in_a_line_each() -> None:
    with pytest.raises(UserError) as caught:
        load("quickstart", ["fleet.n_ev=0", "grid.tick_s=4"])
    assert str(caught.value).splitlines() == [
        "override 1: fleet.n_ev must be at least 1, got 0",
        "override 2: grid.tick_s must be at most 1, got 4",
    ]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("quikstart", "Did you mean 'quickstart'?", id="misspelt"),
        pytest.param("./none.toml", "there is no scenario file './none.toml'", id="missing file"),
        pytest.param(".", "a folder without a config.toml", id="folder that is no run"),
    ],
)
def test_a_scenario_that_is_not_there_is_told(name: str, complaint: str, here: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(name)
    assert complaint in str(caught.value)


def test_later_overrides_win() -> None:
    assert load_one("quickstart", ["fleet.n_ev=3", "fleet.n_ev=7"]).scenario.fleet.n_ev == 7


def test_bare_words_are_text_and_everything_else_is_toml() -> None:
    scenario = load_one("quickstart", ["grid.preset=nordic", "fleet.soc=[0.2, 0.3]", "record.setpoints=false"]).scenario
    assert (scenario.grid.preset, scenario.fleet.soc, scenario.record.setpoints) == ("nordic", (0.2, 0.3), False)


def test_a_date_without_quotes_is_text() -> None:
    scenario = load_one("quickstart", ["start_utc=2026-03-01T00:00:00Z"]).scenario
    assert scenario.start_utc == "2026-03-01T00:00:00Z"


def test_another_policy_does_not_inherit_the_parameters_of_the_one_below() -> None:
    assert load_one("quickstart", ["policy.name=uncontrolled"]).scenario.policy.parameters == {}


def test_parameters_beside_a_new_policy_stay_whatever_their_order() -> None:
    loaded = load_one("quickstart", ["policy.name=droop-soc", "policy.restore_s=60"])
    assert loaded.scenario.policy.parameters == {"restore_s": 60}


def test_an_override_changes_one_share_and_keeps_the_others() -> None:
    services = load_one("quickstart", ["fleet.services.AC=1"]).scenario.fleet.services
    assert services == {"DC_BPT": 0.5, "AC_BPT": 0.5, "AC": 1.0}


def test_a_whole_table_replaces_the_one_below() -> None:
    scenario = load_one("quickstart", ["fleet.services={ AC = 1 }"]).scenario
    assert scenario.fleet.services == {"AC": 1.0}


def test_a_numbered_override_changes_one_event() -> None:
    (event,) = load_one("quickstart", ["grid.events.0.power_mw=-9"]).scenario.grid.events
    assert (event.t_s, event.power_mw) == (300.0, -9.0)


def test_extends_lays_a_file_over_another(here: Path) -> None:
    written(here / "base.toml", "duration_s = 10.0\n[fleet]\nn_ev = 3\nservices = { AC = 1.0 }\n")
    mine = written(here / "mine.toml", 'extends = "base.toml"\n[fleet]\nservices = { DC = 1.0 }\n')
    loaded = load_one(mine)
    assert loaded.scenario.name == "mine"
    assert (loaded.scenario.duration_s, loaded.scenario.fleet.n_ev) == (10.0, 3)
    assert loaded.scenario.fleet.services == {"DC": 1.0}
    assert loaded.origin("fleet.n_ev") == "base.toml"
    assert loaded.origin("fleet.services.DC") == "mine.toml"
    assert loaded.origin("grid.tick_s") == "default"


def test_files_are_found_beside_the_scenario_that_names_them(here: Path) -> None:
    (here / "deep").mkdir()
    written(here / "deep" / "cars.csv", "model,battery_kwh,max_ac_charge_kw,max_dc_charge_kw\nMine,50,11,100\n")
    base = written(here / "deep" / "base.toml", '[fleet]\nvehicles = "cars.csv"\n')
    mine = written(here / "mine.toml", f'extends = "{base}"\n')
    _, inputs = load_scenario(mine)
    assert [choice.vehicle.name for choice in inputs.vehicles] == ["Mine"]


def test_variants_are_runs_of_one_scenario(here: Path) -> None:
    mine = written(
        here / "mine.toml",
        '[fleet]\nn_ev = 3\n[variants.as-is]\n[variants.more]\n"fleet.n_ev" = 9\npolicy.name = "uncontrolled"\n',
    )
    loaded = load(mine)
    assert [(one.variant, one.scenario.fleet.n_ev, one.scenario.policy.name) for one in loaded] == [
        ("as-is", 3, "droop"),
        ("more", 9, "uncontrolled"),
    ]
    assert [one.variant for one in load(mine, variant="more")] == ["more"]
    assert {one.scenario.fleet.n_ev for one in load(mine, ["fleet.n_ev=5"])} == {5}
    with pytest.raises(UserError, match="choose one of 'as-is', 'more'"):
        load_one(mine)
    with pytest.raises(UserError, match=r"has no variant 'mor'\. Did you mean 'more'"):
        load(mine, variant="mor")


def test_variants_are_crossed_with_the_axes(here: Path) -> None:
    axes = "[axes]\nev.loop_gap_s = [0.2, 1.0]\nfleet.n_ev = [1, 2]\n"
    text = f'verdict = ["nadir_hz"]\n{axes}[variants.a]\n[variants.b]\nseed = 7\n'
    mine = written(here / "mine.toml", text)
    loaded = load(mine)
    assert [one.variant for one in loaded][:3] == [
        "a,loop_gap_s=0.2,n_ev=1", "a,loop_gap_s=0.2,n_ev=2", "a,loop_gap_s=1,n_ev=1",
    ]  # fmt: skip
    assert [(one.scenario.seed, one.scenario.ev.loop_gap_s, one.scenario.fleet.n_ev) for one in loaded] == [
        (seed, gap_s, cars) for seed in (1, 7) for gap_s in (0.2, 1.0) for cars in (1, 2)
    ]
    assert loaded[-1].place == (("variant", "b"), ("ev.loop_gap_s", 1.0), ("fleet.n_ev", 2))
    assert loaded[-1].verdict == (("nadir_hz",),)
    assert loaded[-1].origin("fleet.n_ev") == "[axes]"
    assert [one.variant for one in load(mine, ["fleet.n_ev=5"], "b")] == ["b,loop_gap_s=0.2", "b,loop_gap_s=1"]
    assert len(load(mine, variant="b,loop_gap_s=1,n_ev=2")) == 1
    with pytest.raises(UserError, match=r"choose one of 'a,loop_gap_s=0.2,n_ev=1', .* and 9 more$"):
        load_one(written(here / "more.toml", text.replace("[1, 2]", "[1, 2, 3]")))
    above = written(here / "above.toml", f'extends = "{mine}"\n[axes]\nseed = [3]\n')
    assert [one.variant for one in load(above)] == ["a,seed=3", "b,seed=3"]  # its own axes stand for those below


@pytest.mark.parametrize("name", packaged_scenarios())
def test_packaged_scenarios_hold_and_say_what_they_are(name: str) -> None:
    for loaded in load(name):
        assert loaded.scenario.description
        assert loaded.scenario.name == name
    assert validate(name).errors == []
