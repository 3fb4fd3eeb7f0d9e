"""Setpoint policies, by name.

A policy is a module with `setpoint_w(view, params)`, or `step(view, memory, params)` when it remembers, the `Params`
(and `Memory`) of that function, and the OCPP 2.1 `OPERATION_MODE` under which it runs. It returns watts at the AC
meter; `models.control.limits` makes them possible afterwards.

A `Memory` with a field `declared_w` declares the baseline itself: service is measured from there. A module with
`resolved(parameters)` turns what a user says (a product's name) into the numbers of its `Params` before the run; one
with `follower(parameters)` may leave them to another module.
"""

from types import ModuleType

from models.policies import droop, droop_soc, product, schedule, uncontrolled

POLICIES: dict[str, ModuleType] = {
    "uncontrolled": uncontrolled,
    "droop": droop,
    "droop-soc": droop_soc,
    "schedule": schedule,
    "product": product,
}
