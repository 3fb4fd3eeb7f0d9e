"""The only place that compiles: Python functions as machine code, with everything they call; the lane of a policy."""

import dis
import functools
import hashlib
import os
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numba.core import cgutils
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.ccallback import CFunc
from numba.core.errors import NumbaError
from numba.extending import intrinsic

from cosim import turns
from cosim.given import Policy
from cosim.inputs import LocalPolicy
from cosim.row import CACHE_LINE
from cosim.sheet import FIELDS, OF_KIND, SHEET
from models.control.charge_loop import StationView

# Functions that are long or seldom called: writing them out at each call makes the machine code slower, not faster.
SELDOM = frozenset(
    {
        *("catch_up", "carry_on", "count_whole_ticks", "interrupt"),
        *("asks_by_clock", "stated_w", "to_wire", "to_wire_within"),
        *("guard", "is_beyond", "bound_ns", "keep_within_bounds", "peek", "ramp_off", "watch_step"),
        *("third_w", "_wire_large", "_wire_large_within"),
        *("log_loop", "log_setpoint"),
    }
)
# Functions that never divide by zero, whatever is drawn: without a test for it they become vector code.
UNTESTED = frozenset(
    {
        *("approach_w", "centre", "charge_limit_w", "departure_floor_w", "discharge_limit_w"),
        *("filtered_hz", "filtered_rocof", "inverse_normal", "limit", "log", "plug_for_grid_w", "_tail"),
    }
)
_LOADED: dict[str, Any] = {}  # key -> machine code of this process


class Machine(NamedTuple):
    """Compiled functions for one policy, and what the policy brings along."""

    advance: Callable[..., bool]
    census: Callable[..., tuple[int, ...]]
    end_tick: Callable[..., tuple[int, ...]]
    policy: Policy
    memory: tuple[float, ...]


def machine_for(policy: LocalPolicy) -> Machine:
    """Compile the lane for a policy. Raises `NotCompilableError` with the reason if the policy is not made for it."""
    memory = tuple(policy.memory) if policy.memory is not None else ()
    params = tuple(policy.params) if policy.params is not None else ()
    if not all(isinstance(value, (int, float)) for value in (*params, *memory)):
        raise NotCompilableError("its Params or Memory hold other things than numbers")
    function = policy.step or policy.setpoint_w
    if not isinstance(function, types.FunctionType) or function.__closure__:
        raise NotCompilableError("it is not a plain function of a module")
    asked = Policy(
        _as_pointer(_asker(policy, len(params), len(memory))),
        np.array(params, np.float64),
    )
    built: dict[Any, Any] = {}
    advance, census, end_tick = (compiled(each, built) for each in (turns.advance, turns.census, turns.end_tick))
    return Machine(advance, census, end_tick, asked, memory)


class NotCompilableError(Exception):
    """A policy cannot run in the fleet lane; the message says why."""


def _asker(policy: LocalPolicy, n_params: int, n_memory: int) -> Callable[..., None]:
    """`Policy.ask` for this policy: numbers into its own tuples, and back."""

    def made(kind: str, cells: Iterable[str]) -> str:
        return f"{kind}({', '.join(cells)})"

    view = made("StationView", (name if name in OF_KIND else f"sheet.seen[{k}, k]" for k, name in enumerate(FIELDS)))
    read = made("Params", (f"params[{k}]" for k in range(n_params))) if policy.params is not None else "None"
    names: dict[str, Any] = {"__name__": __name__, "StationView": StationView, "Params": type(policy.params)}
    lines = ["def ask(sheet, count, memory, params):", f"    own = {read}"]
    lines += [f"    {name} = sheet.seen[{FIELDS.index(name)}, 0]" for name in OF_KIND]
    lines += ["    for k in range(count):"]
    if policy.step is not None:
        before = made("Memory", (f"memory[sheet.row[k], {j}]" for j in range(n_memory)))
        lines.append(f"        sheet.requested_w[k], after = step({view}, {before}, own)")
        lines += [f"        memory[sheet.row[k], {j}] = after[{j}]" for j in range(n_memory)]
        names |= {"step": policy.step, "Memory": type(policy.memory)}
    else:
        lines.append(f"        sheet.requested_w[k] = setpoint_w({view}, own)")
        names["setpoint_w"] = policy.setpoint_w
    exec("\n".join(lines), names)
    return names["ask"]  # type: ignore[no-any-return]


def _as_pointer(asker: Callable[..., None]) -> Any:
    """A policy as a compiled function that can be handed over like a value."""
    params, memory = (numba.types.Array(numba.types.float64, size, "C") for size in (1, 2))
    source, key = _source(asker, {})
    if key in _LOADED:
        return _LOADED[key]
    source.cache_key = key
    pointer = CFunc(
        source,
        ((numba.from_dtype(SHEET), numba.types.int64, memory, params), numba.types.void),
        {},
        {"error_model": "python", "_nrt": False},
    )
    with suppress(RuntimeError):
        setattr(pointer, "_cache", _Cache(source))  # noqa: B010  # numba's own way takes the function's file as its key
    try:
        pointer.compile()
    except NumbaError as error:
        raise NotCompilableError(_last_line(error)) from error
    _LOADED[key] = pointer
    return pointer


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"it does not compile: {lines[-1] if lines else error}"


def compiled(function: Callable[..., Any], built: dict[Any, Any]) -> Any:
    """`function` as machine code, together with everything it calls; `built` holds what has been compiled before.

    The bits are those of the interpreter: no fast mathematics, no fused operations, Python's rules for division.
    Machine code is kept between runs under a key made of the code and the constants of every function compiled in, so
    that an edit anywhere below is never overlooked. A process loads it once for each key, as it is never given back: a
    second run finds it in `_LOADED`.

    Nothing here makes arrays, so none is counted (`_nrt`): counting took 14 to 28 % of an exchange.
    """
    source, key = _source(function, built)
    if key in _LOADED:
        return _LOADED[key]
    source.cache_key = key
    dispatcher = _LOADED[key] = numba.njit(error_model="python", nogil=True, no_cfunc_wrapper=True, _nrt=False)(source)
    with suppress(RuntimeError):  # there may be no place to keep it: then it is compiled anew in each run
        dispatcher._cache = _Cache(source)
    return dispatcher


def entry_point(dispatcher: Any, *arguments: Any) -> Callable[..., Any]:
    """The machine code alone, for arguments of the types of these, with which it has been called before.

    The dispatcher looks at the types of all arguments at each call: 80 us for those of the lane, instead of 7.
    """
    signature = tuple(dispatcher.typeof_pyval(argument) for argument in arguments)
    code: Callable[..., Any] = dispatcher.overloads[signature].entry_point
    return code


def _njit(source: types.FunctionType) -> Any:
    """An inner function. Nobody calls it from Python, so it needs no wrappers, which take time to compile."""
    inline = source.__name__ not in SELDOM
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": inline, "_nrt": False}
    model = "numpy" if source.__name__ in UNTESTED else "python"
    return numba.njit(error_model=model, nogil=True, **options)(source)


def _fetch(typing_context: Any, rows: Any, i: Any) -> Any:
    """`turns.fetch` as the processor's own instruction, one for each cache line of a row."""
    return _fetching(rows, rows.dtype.size)


def _fetch_head(typing_context: Any, rows: Any, i: Any) -> Any:
    """`turns.fetch_head` in the same way."""
    return _fetching(rows, CACHE_LINE)


def _fetching(rows: Any, size: int) -> Any:
    """Signature and code of what fetches the first `size` bytes of a row."""
    ir = cgutils.ir
    address, byte, number = ir.IntType(64), ir.IntType(8).as_pointer(), ir.IntType(32)
    row_bytes = rows.dtype.size

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_read, near, data = ir.Constant(number, 0), ir.Constant(number, 3), ir.Constant(number, 1)
        first = builder.ptrtoint(array.data, address)
        row = builder.add(first, builder.mul(arguments[1], ir.Constant(address, row_bytes)))
        for offset in range(0, size, CACHE_LINE):
            line = builder.inttoptr(builder.add(row, ir.Constant(address, offset)), byte)
            builder.call(prefetch, [line, to_read, near, data])
        return context.get_dummy_value()

    return numba.types.none(rows, numba.types.int64), emit


# Functions that are one instruction of the processor.
INSTRUCTIONS = {turns.fetch: _fetch, turns.fetch_head: _fetch_head}


def _source(original: Any, built: dict[Any, Any]) -> tuple[Any, str]:
    """A copy of a function that calls compiled copies of what it calls, and the key of all that goes into it."""
    code = original.__code__
    names = {"__name__": __name__}  # what is loaded from the cache looks for its module: this one can be imported
    digest = hashlib.blake2b(f"{original.__qualname__}{original.__defaults__}".encode(), digest_size=16)
    digest.update(f"{numba.__version__}/{np.__version__}".encode())
    digest.update(f"{original.__name__ in SELDOM}{original.__name__ in UNTESTED}".encode())
    own, asked_for = _reading(code)
    digest.update(own)
    for name in asked_for:
        if name not in original.__globals__:
            continue  # a builtin
        value = original.__globals__[name]
        if isinstance(value, types.FunctionType):
            if value in INSTRUCTIONS:
                code_of = (INSTRUCTIONS[value].__code__, _fetching.__code__)
                built[value] = intrinsic(INSTRUCTIONS[value]), repr([list(_fingerprint(each)) for each in code_of])
            elif value not in built:
                source, key = _source(value, built)
                inner = f"{key}, inner"  # what is called from outside has wrappers, too
                if inner not in _LOADED:
                    _LOADED[inner] = _njit(source)
                built[value] = _LOADED[inner], key
            value, key = built[value]
            digest.update(f"{name}={key}".encode())
        else:
            digest.update(f"{name}={_constant(value, code)}".encode())
        names[name] = value
    return types.FunctionType(code, names, original.__name__, original.__defaults__), digest.hexdigest()


def is_kept(dispatcher: Any) -> bool:
    """Whether machine code of an earlier run is at hand, so that using it costs no compilation."""
    cache = dispatcher._cache
    return isinstance(cache, _Cache) and any(Path(cache.cache_path).glob(f"*{dispatcher.py_func.cache_key}*.nbi"))


@functools.cache  # code never changes, what its names mean does: those are looked up each time
def _reading(code: types.CodeType) -> tuple[bytes, tuple[str, ...]]:
    """What of its code decides the machine code of a function, and the names of the globals that it asks for."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return b"".join(_fingerprint(code)), tuple(sorted(names))


def _fingerprint(code: types.CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames)).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _fingerprint(constant)
        elif not isinstance(constant, str):  # docstrings may change
            yield repr(constant).encode()


def _constant(value: Any, code: types.CodeType) -> str:
    """A global as text that changes when its meaning for compiled code does."""
    if isinstance(value, type):
        return f"{value.__qualname__}{getattr(value, '_fields', '')}{getattr(value, '_field_defaults', '')}"
    if isinstance(value, types.ModuleType):  # and those of its constants that the code may name
        used = {name: getattr(value, name) for name in code.co_names if hasattr(value, name)}
        return f"{value.__name__}{ {name: inner for name, inner in used.items() if not callable(inner)} }"
    if isinstance(value, np.ndarray):  # its text leaves out the middle
        return f"{value.dtype}{value.shape}{value.tobytes().hex()}"
    return repr(value)


class _Locator(_CacheLocator):  # type: ignore[misc]  # numba is untyped to us
    """A folder of the user's, and a name made of the key."""

    def __init__(self, key: str) -> None:
        self._key = key

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "_Locator | None":
        locator = cls(py_func.cache_key)
        try:
            locator.ensure_cache_path()
        except OSError:
            return None
        return locator

    def get_cache_path(self) -> str:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return str(Path(root) / "v2g-cosim")

    def get_source_stamp(self) -> str:
        return self._key

    def get_disambiguator(self) -> str:
        return self._key


class _CacheImpl(CompileResultCacheImpl):  # type: ignore[misc]  # numba is untyped to us
    _locator_classes = [_Locator]  # noqa: RUF012  # as numba declares it


class _Cache(FunctionCache):  # type: ignore[misc]  # numba is untyped to us
    _impl_class = _CacheImpl
