"""Setpoint policies by name: packaged ones, `module:attribute`, `./file.py:attribute`, and entry points."""

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cosim.inputs import LocalPolicy
from experiments.errors import UserError
from experiments.files import policy_file
from experiments.keys import did_you_mean

ENTRY_POINTS = "v2g_cosim.policies"


class NoParams(NamedTuple):
    """Parameters of a policy that has none."""


class Found(NamedTuple):
    """A policy before its parameters are set: `thing` is a module, a class or a function."""

    name: str
    thing: Any
    origin: str  # "packaged", or where else it came from


def packaged_policies() -> dict[str, Found]:
    """Policies that come with the package."""
    from models.policies import POLICIES

    return {name: Found(name, module, "packaged") for name, module in POLICIES.items()}


def entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    """Policies that installed distributions announce."""
    return {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}


def announced_by(point: importlib.metadata.EntryPoint) -> str:
    """Who announces an entry point, in words."""
    return f"entry point of {point.dist.name}" if point.dist else "entry point"


def find_policy(name: str) -> Found:
    """The policy that `name` stands for; raises UserError when there is none, or when its file does not load."""
    file = policy_file(name)
    if file:
        module = _load_file(Path(file[0]))
        return Found(name, _attribute(module, file[1], name) if file[1] else module, "file")
    if ":" in name:
        module_name, _, attribute = name.partition(":")
        return Found(name, _attribute(_load_module(module_name, name), attribute, name), "module")
    packaged = packaged_policies()
    if name in packaged:
        return packaged[name]
    points = entry_points()
    if name in points:
        return Found(name, points[name].load(), announced_by(points[name]))
    raise UserError(f"policy.name: there is no policy '{name}'.{did_you_mean(name, [*packaged, *points])}")


def chosen(found: Found, parameters: Mapping[str, Any]) -> Found:
    """The policy itself, or the module that it leaves this choice of parameters to; raises UserError."""
    follower = getattr(found.thing, "follower", None)
    if not callable(follower):
        return found
    try:
        return found._replace(thing=follower(parameters) or found.thing)
    except ValueError as error:
        raise UserError(f"policy.{error}") from None


def local_policy(found: Found, parameters: Mapping[str, Any]) -> LocalPolicy:
    """The policy with its parameters; raises UserError when it is not shaped like one, or a parameter does not fit."""
    found, parameters = chosen(found, parameters), _resolved(found, parameters)
    functions = {
        kind: getattr(found.thing, kind)
        for kind in ("setpoint_w", "step")
        if callable(getattr(found.thing, kind, None))
    }
    if not functions and inspect.isroutine(found.thing):
        functions = {_kind(found.thing, found.name): found.thing}
    if len(functions) != 1:
        raise UserError(
            f"policy '{found.name}' must have one function, setpoint_w(view, params) or step(view, memory, params); "
            f"found {' and '.join(functions) or 'none'}"
        )
    kind, function = next(iter(functions.items()))
    params = params_class(found.thing)
    memory = _beside(found.thing, "Memory", "memory") if kind == "step" else None
    if kind == "step" and memory is None:
        raise UserError(f"policy '{found.name}' has step(), so it needs a NamedTuple 'Memory' beside it")
    return LocalPolicy(
        name=found.name,
        params=_filled(params, parameters, found.name),
        setpoint_w=function if kind == "setpoint_w" else None,
        step=function if kind == "step" else None,
        memory=_initial(memory, found.name) if memory else None,
        operation_mode=str(_beside(found.thing, "OPERATION_MODE", "") or "LocalFrequency"),
    )


def params_class(thing: Any) -> Any:
    """The NamedTuple of a policy's parameters."""
    return _beside(thing, "Params", "params") or NoParams


def source_of(thing: Any) -> str:
    """Source text of a policy, as far as it can be had; empty otherwise (typed at a prompt, for instance)."""
    try:
        module = inspect.getmodule(thing)
        return inspect.getsource(module if module is not None and module.__name__ != "__main__" else thing)
    except (OSError, TypeError):
        return ""


def source_hash(thing: Any) -> str:
    """SHA-256 of a policy's source."""
    return hashlib.sha256(source_of(thing).encode()).hexdigest()


def _resolved(found: Found, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a user says, turned into numbers by the policy itself where it can: a product's name into its row."""
    resolve = getattr(found.thing, "resolved", None)
    if not callable(resolve):
        return parameters
    try:
        numbers: Mapping[str, Any] = resolve(parameters)
    except ValueError as error:
        raise UserError(f"policy.{error}") from None
    return numbers


def _kind(function: Any, name: str) -> str:
    count = len(inspect.signature(function).parameters)
    if count not in (2, 3):
        raise UserError(
            f"policy '{name}' must take (view, params) or (view, memory, params), but it takes {count} arguments"
        )
    return "setpoint_w" if count == 2 else "step"


def _beside(thing: Any, name: str, argument: str) -> Any:
    """What is called `name` in a module or class; for a function, the type of `argument`, or what lies beside it."""
    if not inspect.isroutine(thing):
        return getattr(thing, name, None)
    found = getattr(thing, "__globals__", {}).get(name)
    if not argument:
        return found
    with contextlib.suppress(NameError, TypeError):  # annotations that cannot be looked up tell nothing
        found = typing.get_type_hints(thing).get(argument, found)
    return found if hasattr(found, "_fields") else None


def _filled(params: Any, parameters: Mapping[str, Any], name: str) -> Any:
    fields = getattr(params, "_fields", None)
    if fields is None:
        raise UserError(f"policy '{name}': Params must be a NamedTuple, got {params!r}")
    for key, value in parameters.items():
        if key not in fields:
            hint = did_you_mean(f"policy.{key}", [f"policy.{field}" for field in fields])
            hint = hint or f" The policy '{name}' has no parameters."
            raise UserError(f"unknown key 'policy.{key}'.{hint}")
        if not isinstance(value, int | float):
            raise UserError(f"policy.{key} must be a number, got {value!r}")
    defaults = params._field_defaults
    missing = [field for field in fields if field not in defaults and field not in parameters]
    if missing:
        raise UserError(f"policy '{name}' needs a value for policy.{missing[0]}")
    return params(**{key: _as_declared(value, defaults.get(key)) for key, value in parameters.items()})


def _as_declared(value: float, default: Any) -> float:
    """A whole number, or true and false, stays one where the default is one; everything else is a float."""
    kind = type(default)
    whole = kind in (bool, int) and float(value).is_integer() and kind(value) == value
    return kind(value) if whole else float(value)


def _initial(memory: Any, name: str) -> Any:
    try:
        return memory()
    except TypeError:
        raise UserError(
            f"policy '{name}': every field of Memory needs a default, the state a station starts with"
        ) from None


def _load_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise UserError(f"policy.name: there is no file '{path}'")
    name = f"v2g_cosim_policy_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a .py file always has a loader"
    assert spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where annotations are looked up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises when it is read is the user's to mend
        raise UserError(f"policy file {path.name}{_line(error, path)}: {type(error).__name__}: {error}") from error
    return module


def _line(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f" line {error.lineno}"
    lines = []
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f" line {lines[-1]}" if lines else ""


def _load_module(module_name: str, name: str) -> ModuleType:
    here = str(Path.cwd())
    sys.path.append(here)  # last: a file models.py in the current folder must not hide our package
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        raise UserError(f"policy '{name}': {error}") from None
    finally:
        sys.path.remove(here)


def _attribute(module: ModuleType, attribute: str, name: str) -> Any:
    try:
        return getattr(module, attribute)
    except AttributeError:
        names = [key for key in vars(module) if not key.startswith("_")]
        raise UserError(
            f"policy '{name}': {module.__name__} has no '{attribute}'.{did_you_mean(attribute, names)}"
        ) from None
