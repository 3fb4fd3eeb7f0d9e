"""What the commands about products do: score a recorded response, print or draw a static curve."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments import screen
from experiments.cli import print_json
from experiments.errors import UserError
from experiments.keys import did_you_mean
from experiments.series import columns_of, read_columns
from models.grid.products import ALIASES, PRODUCTS, Product, product_key, share
from models.grid.scoring import SCORERS, Recording, RecordingError, Scorer, Terms

RETURNS = {
    "baseline": "through the declared baseline, announced one settlement period ahead",
    "managed": "through the declared baseline, as energy management has it",
    "ready": "through the declared baseline, once a release is over",
    "none": "by no rule: policy.name=product returns nothing",
}
SAMPLES = 25  # of a curve, beside its corners
OPTIONS = {name: f"--{name.replace('_', '-')}" for name in Terms._fields}


def find_product(name: str) -> Product:
    """The product that a name or an alias stands for; raises UserError naming the nearest."""
    key = product_key(name)
    if key is None:
        hint = did_you_mean(name.lower(), [*PRODUCTS, *ALIASES]) or f" Known: {', '.join(PRODUCTS)}."
        raise UserError(f"there is no product '{name}'.{hint}")
    return PRODUCTS[key]


def find_scorer(name: str) -> Scorer:
    """The scorer that a name stands for: its own, or that of a product; raises UserError."""
    if name.lower() in SCORERS:
        return SCORERS[name.lower()]
    product = find_product(name)
    if not product.scorer:
        raise UserError(f"{product.key} has no score; those with one: {', '.join(SCORERS)}")
    return SCORERS[product.scorer]


def score_file(name: str, path: Path, terms: Terms) -> dict[str, Any]:
    """Score of a recorded response; raises UserError when the file does not hold what the scorer needs."""
    scorer = find_scorer(name)
    known = columns_of(path)
    optional = [column for column in ("p_frac", "p_mw") if column in known]
    for column in scorer.needs:
        if column not in known:
            raise UserError(f"{path.name} has no column '{column}', {name} needs it.{did_you_mean(column, known)}")
    if scorer.either and not optional:
        raise UserError(f"{path.name} has neither column {' nor '.join(scorer.either)}, {name} needs one of them")
    step_s, columns = read_columns(path, [*scorer.needs, *optional])
    product = PRODUCTS.get(product_key(name) or "")
    if product is not None and step_s > product.data_step_s * (1.0 + 1e-6):
        print(f"note: {path.name} has a step of {step_s:g} s, {name} needs {product.data_step_s:g} s", file=sys.stderr)
    try:
        return scorer.score(Recording(columns, step_s), terms)
    except RecordingError as error:
        option = OPTIONS["contract_mw"]
        raise UserError(f"{path.name}: {str(error).replace('contract_mw', option)}") from None


def score_command(name: str, path: Path, given: Mapping[str, float], as_json: bool) -> None:
    """Print the score of a file; `given` are the terms of the contract that the user stated."""
    scorer = find_scorer(name)
    for key, value in given.items():
        if not 0.0 < value < math.inf:
            raise UserError(f"{OPTIONS[key]} must be above 0, got {value:g}")
        if key not in scorer.terms:
            print(f"note: {OPTIONS[key]} has no effect on {name}", file=sys.stderr)
    terms = Terms(**given)
    document = score_file(name, path, terms)
    if as_json:
        print_json(document)
        return
    out = screen.console()
    out.print(f"[bold]{path.name}[/] · {scorer.title} [dim]({scorer.version})[/]")
    out.print(screen.table(("figure", "value"), score_rows(document), right=(1,)))


def score_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Figures of a score as text."""
    return [(key, figure_text(value)) for key, value in document.items() if key != "hours"]


def figure_text(value: Any) -> str:
    """A figure of a score: six digits, yes or no, or a list."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, list):
        return " ".join("–".join(map(str, part)) if isinstance(part, list) else str(part) for part in value) or "none"
    return str(value)


# --- curves ---


def curve_document(product: Product) -> dict[str, Any]:
    """A product's row with its curve as frequencies and shares; numbers that no rule states are None."""
    row = {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in product._asdict().items()
    }
    row["curve"] = [
        {"deviation_hz": hz, "frequency_hz": product.nominal_hz + hz, "share": pu} for hz, pu in product.curve
    ]
    row["aliases"] = list(product.aliases)
    row["samples"] = [{"frequency_hz": product.nominal_hz + hz, "share": pu} for hz, pu in curve_samples(product)]
    return row


def curve_samples(product: Product) -> list[tuple[float, float]]:
    """(deviation, share) evenly over the curve and a quarter beyond; empty for a product that follows a signal."""
    if not product.curve:
        return []
    reach_hz = 1.25 * max(abs(point.deviation_hz) for point in product.curve)
    evenly = [reach_hz * (2 * k / (SAMPLES - 1) - 1.0) for k in range(SAMPLES)]
    return [(hz, share(product, hz)) for hz in sorted({*evenly, *(point.deviation_hz for point in product.curve)})]


def curve_command(name: str | None, svg: Path | None, as_json: bool) -> None:
    """Print a product's curve and row, or list all products; draw it when a file is given."""
    if name is None:
        if svg is not None:
            raise UserError("--svg needs a product to draw")
        _list(as_json)
        return
    product = find_product(name)
    if svg is not None:
        _draw(product, svg)
        print(f"wrote {svg}", file=sys.stderr)
    if as_json:
        print_json(curve_document(product))
        return
    out = screen.console()
    out.print(screen.table((product.key, product.title), [row for row in _facts(product) if row[1]]), "")
    if not product.curve:
        out.print("follows the operator's signal: there is no static curve")
        return
    rows = [(f"{product.nominal_hz + hz:.4f}", f"{1e3 * hz:+.1f}", f"{pu:+.6f}") for hz, pu in product.curve]
    out.print(screen.table(("frequency [Hz]", "deviation [mHz]", "share"), rows, right=(0, 1, 2)))
    print("linear between the corners, held outside; positive supports low frequency", file=sys.stderr)


def _list(as_json: bool) -> None:
    if as_json:
        print_json([curve_document(product) for product in PRODUCTS.values()])
        return
    rows = [
        (p.key, p.title, _span(p.start_s), _span(p.full_s), p.scorer, ", ".join(p.aliases)) for p in PRODUCTS.values()
    ]
    screen.console().print(screen.table(("product", "what it is", "T0", "T1", "score", "also"), rows, right=(2, 3)))


def _facts(product: Product) -> list[tuple[str, str]]:
    return [
        ("start, T0", _span(product.start_s)),
        ("half power", _span(product.half_s)),
        ("full, T1", _span(product.full_s)),
        ("sustain", _span(product.sustain_s)),
        ("data every", _span(product.data_step_s)),
        ("energy", _energy(product)),
        ("energy rule", product.energy_rule),
        ("it returns", RETURNS[product.recovery]),
        ("score", product.scorer),
        ("source", f"{product.source}; version {product.version}; {product.confidence}"),
        ("also called", ", ".join(product.aliases)),
    ]


def _energy(product: Product) -> str:
    """Hours of full power that are held ready, and in which directions."""
    if math.isnan(product.energy_h):
        return ""
    way = " each way" if product.energy_both_h > 1.5 * product.energy_h else ""
    return f"{product.energy_h:.3g} h of full power{way}"


def _span(value_s: float) -> str:
    if math.isnan(value_s):
        return ""
    return "no end" if math.isinf(value_s) else f"{value_s:g} s"


def _draw(product: Product, path: Path) -> None:
    from experiments.report.plot import Plot, Trace, write_plots

    if not product.curve:
        raise UserError(f"{product.key} follows the operator's signal: there is no static curve to draw")
    reach_hz = 1.25 * max(abs(point.deviation_hz) for point in product.curve)
    points = [(-reach_hz, share(product, -reach_hz)), *product.curve, (reach_hz, share(product, reach_hz))]
    trace = Trace(product.key, [product.nominal_hz + hz for hz, _ in points], [100.0 * pu for _, pu in points], "blue")
    write_plots([Plot(product.title, "frequency, Hz", "share of the contracted power, %", [trace])], path)
