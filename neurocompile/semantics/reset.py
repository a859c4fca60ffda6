"""What a spike does to the potential: the word that float neurons and all chips share."""

from __future__ import annotations

import enum


class Reset(enum.Enum):
    """What a spike does to the membrane potential; in a chip's integers, its units."""

    HARD = "hard"  # v = 0 at once
    SOFT = "soft"  # v -= threshold at once
    SOFT_DELAYED = "soft, one tick later"  # v -= threshold in the next tick, after the decay
    HARD_DELAYED = "hard, one tick later"  # v = 0 in the next tick, whose input is discarded
    NONE = "never"
