"""What the grid model can be held against, as pandas frames: traces of ANDES and published events."""

import pandas as pd

from experiments.machines import MACHINES, case_file, case_names, read_case
from experiments.presets import GridPreset, load_grid

EVENTS = MACHINES.parent / "events" / "published_events.csv"


def machine_cases() -> tuple[str, ...]:
    """Names of the packaged machine cases."""
    return case_names()


def machine_traces(name: str) -> "pd.DataFrame":
    """A machine case by three ways, over the times of its reference.

    Columns: `reference` (ANDES), `fed` (our model, fed with the electrical power that ANDES produced) and `nominal`
    (our model under the nominal step), all in Hz; index `time_s`. Raises UserError for an unknown name.
    """
    from experiments.grid_commands import read_electrical_power, simulated

    case = read_case(case_file(name))
    file = MACHINES / f"{name}.csv"
    reference = pd.read_csv(file).set_index("t_s").f_coi_hz
    first_s, last_s = float(reference.index[0]), float(reference.index[-1])
    fed = simulated(case, read_electrical_power(file), first_s, last_s, 0.02)
    nominal = simulated(case, None, 0.0, last_s, 0.02)
    columns = {"reference": reference}
    for label, trace in (("fed", fed), ("nominal", nominal)):
        columns[label] = pd.Series(trace.f_hz, index=[round(t_s, 2) for t_s in trace.t_s])
    frame = pd.DataFrame(columns).loc[[round(t_s, 2) for t_s in reference.index]]
    frame.loc[frame.index < 0.0, "nominal"] = case.params.nominal_hz
    frame.index.name = "time_s"
    return frame


def published_events() -> "pd.DataFrame":
    """Loss sequences and milestones of real events: event, t0_utc, t_s, what, loss_mw, f_hz."""
    return pd.read_csv(EVENTS)


def grid_preset(name: str) -> GridPreset:
    """A grid with its parameters and every number's source; see `v2g-cosim grid presets`."""
    return load_grid(name)
