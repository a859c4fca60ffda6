"""The catalog of rules: what each diagnostic code means, why it matters and what to do.

Codes are never reused or renumbered. Blocks: 0xx usage, configuration, input files; 1xx capture
and event-driven legality; 2xx neuron models; 3xx numbers; 4xx capacity; 5xx placement and
routing; 6xx emission; 7xx fidelity; 9xx internal.
"""

from __future__ import annotations

from neurocompile.rules.chip import CAPACITY, MAPPING, NEURONS, NUMBERS
from neurocompile.rules.legality import CAPTURE, LEGALITY
from neurocompile.rules.results import EMISSION, FIDELITY, INTERNAL, TRAINING
from neurocompile.rules.rule import Rule
from neurocompile.rules.usage import INPUT

__all__ = ["RULES", "Rule"]

RULES: dict[str, Rule] = {
    rule.code: rule
    for block in (INPUT, CAPTURE, LEGALITY, NEURONS, NUMBERS, CAPACITY, MAPPING, EMISSION,
                  TRAINING, FIDELITY, INTERNAL)
    for rule in block
}
