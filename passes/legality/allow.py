"""Opt-ins: rewrites that keep every spike and cost something, each allowed by its name.

An opt-in turns an error into a note with the price, only where the rewrite is exact. Which rules:
residual-distribution NC133, compose-linear NC132, or-pool NC134, coincidence-gates NC135.
"""

from __future__ import annotations

import enum

from neurocompile.rules import RULES


class Allow(enum.StrEnum):
    """What `check_graph` may assume to be rewritten."""

    RESIDUAL_DISTRIBUTION = "residual-distribution"  # W (a + b) = W a + W b
    COMPOSE_LINEAR = "compose-linear"  # a chain of synapses as one, priced where it grows
    OR_POOL = "or-pool"  # max-pooling of spikes as OR neurons
    COINCIDENCE_GATES = "coincidence-gates"  # a product of two spikes as AND neurons


def with_opt_in(code: str, opt_in: Allow, effect: str) -> str:
    """A rule's fix, and the opt-in that holds where the finding is."""
    return f"{RULES[code].fix}; or `--allow {opt_in}`, which {effect}"
