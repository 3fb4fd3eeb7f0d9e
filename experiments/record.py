"""What a run writes down about itself before it begins: its resolved scenario and the first half of its manifest."""

import hashlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from cosim.inputs import LocalPolicy
from cosim.scenario import Scenario
from cosim.sources import nominal_hz
from experiments import environment, folder
from experiments.files import FILE_KEYS, policy_file, short_policy
from experiments.inputs import Read
from experiments.load import Loaded
from experiments.policies import packaged_policies, source_hash
from experiments.toml import toml_text

MANIFEST_VERSION = 1


class Reference(NamedTuple):
    """A policy given as an object: the name it is recorded under, and its file if there is one."""

    name: str
    file: Path | None


def policy_reference(thing: Any) -> Reference:
    """How to name a policy that was handed over as a module, class or function, so that the run can be repeated."""
    for name, found in packaged_policies().items():
        if found.thing is thing:
            return Reference(name, None)
    is_module = inspect.ismodule(thing)
    module = thing if is_module else sys.modules.get(getattr(thing, "__module__", ""), None)
    file = getattr(module, "__file__", None)
    own = getattr(thing, "__qualname__", type(thing).__name__)
    if file is None or getattr(module, "__name__", "") == "__main__" or not own.isidentifier():
        return Reference(own if not is_module else thing.__name__, None)
    return Reference(file if is_module else f"{file}:{own}", Path(file))


def all_settings(scenario: Scenario, policy: LocalPolicy) -> dict[str, Any]:
    """All settings as plain values; in `policy`, its parameters stand with the values they have in the run."""
    data = scenario.model_dump(mode="python")
    for key, value in policy.params._asdict().items():
        if key != "name" and isinstance(value, int | float):  # anything else cannot be set in a scenario
            data["policy"][key] = value
    return data


def origin_of(loaded: Loaded, key: str) -> str:
    """Where the value of a setting comes from."""
    origin = loaded.origin(key)
    section, _, name = key.partition(".")
    return "policy default" if origin == "default" and section == "policy" and name != "name" else origin


def stored_settings(scenario: Scenario, policy: LocalPolicy, replaced: dict[str, str]) -> dict[str, Any]:
    """All settings, the files among them replaced: by the path of a copy, or by a hash."""
    data = all_settings(scenario, policy)
    for key in FILE_KEYS:
        *path, last = key.name.split(".")
        section = data
        for part in path:
            section = section[part]
        if key.name in replaced and section.get(last):
            own = policy_file(section[last]) if key.name == "policy.name" else None
            attribute = f":{own[1]}" if own and own[1] else ""
            section[last] = replaced[key.name] + attribute
    return data


def config_text(loaded: Loaded, policy: LocalPolicy, inputs: dict[str, dict[str, str]]) -> str:
    """The resolved scenario as TOML, naming the copies of its files; a remark behind each value that is no default."""
    data = stored_settings(loaded.scenario, policy, {key: copy["file"] for key, copy in inputs.items()})
    told = "# The scenario as it was run, every setting with its value. To run it again: v2g-cosim run <this folder>\n"
    said = {"default": ""}
    return told + toml_text(data, lambda key: said.get(origin := origin_of(loaded, key), origin))


def config_hash(scenario: Scenario, read: Read) -> str:
    """SHA-256 over everything that decides the outcome: settings, contents of files, source of the policy."""
    copies = {key: folder.sha256(path) for key, path in read.files.items()}
    data = stored_settings(scenario, read.inputs.policy, copies)
    data["policy"]["source"] = source_hash(read.policy.thing)
    text = json.dumps(folder.finite(data), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def preamble(loaded: Loaded, read: Read, inputs: dict[str, dict[str, str]], digest: str) -> dict[str, Any]:
    """The part of the manifest that is known before the run."""
    scenario, policy = loaded.scenario, read.inputs.policy
    return {
        "version": MANIFEST_VERSION,
        "kind": "run",
        "scenario": scenario.name,
        "variant": loaded.variant,
        "description": scenario.description,
        "config_sha256": digest,
        "seed": scenario.seed,
        "lane": scenario.lane,
        "duration_s": scenario.duration_s,
        "nominal_hz": nominal_hz(scenario, read.inputs),
        "n_ev": scenario.fleet.n_ev,
        "cars_per_ev": scenario.fleet.cars_per_ev,
        "policy": {
            "name": short_policy(scenario.policy.name),
            "origin": read.policy.origin,
            "operation_mode": policy.operation_mode,
            "parameters": policy.params._asdict(),
            "names": {key: value for key, value in scenario.policy.parameters.items() if isinstance(value, str)},
            "source_sha256": source_hash(read.policy.thing),
        },
        "inputs": inputs,
        "series": {
            name: series.source
            for name in ("frequency", "schedule", "baseline")
            if (series := getattr(read.inputs, name)) is not None
        },
        "argv": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "git": environment.git_state(),
        "versions": environment.versions(),
        "machine": environment.machine(),
    }
