"""Mesh: where cores lie on a board of chips.

Every chip is a grid of cores filled row by row, the board a grid of chips numbered row by row;
messages run along rows and columns of the whole board. Grids are taken as complete for that, even
where a last row holds fewer cores or chips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.mapping import CoreId
from neurocompile.target import Target

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mesh:
    """The grids of a target: cores per chip and its columns and rows, chips and their columns."""

    cores: int
    width: int
    height: int
    chips: int
    board_width: int

    @staticmethod
    def of(target: Target) -> Mesh:
        """The mesh of the largest system that a target describes."""
        chip = target.chip
        height = -(-chip.cores.value // chip.grid_width.value)
        return Mesh(chip.cores.value, chip.grid_width.value, height, chip.chips.value,
                    chip.board_width.value)

    def position(self, cores: Sequence[CoreId]) -> tuple[Ints, Ints]:
        """Column and row of each core on the board."""
        at = np.array([(c.chip, c.x, c.y) for c in cores], np.int64).reshape(-1, 3)
        row, column = np.divmod(at[:, 0], self.board_width)
        return column * self.width + at[:, 1], row * self.height + at[:, 2]

    def core(self, column: int, row: int) -> CoreId:
        """The core at a column and row of the board."""
        chip = row // self.height * self.board_width + column // self.width
        return CoreId(chip, column % self.width, row % self.height)

    def snake(self, count: int) -> list[CoreId]:
        """All cores of as few chips as hold `needed`, chip after chip, in each along a snake.

        The chips are those of the smallest square around the board's first corner.
        """
        order = sorted(range(self.chips), key=self._shell)
        inside = sorted(((k % self.width, k // self.width) for k in range(self.cores)),
                        key=lambda at: (at[0], at[1] if at[0] % 2 == 0 else -at[1]))
        return [CoreId(chip, x, y) for chip in order[:-(-count // self.cores)] for x, y in inside]

    def _shell(self, chip: int) -> tuple[int, int]:
        row, column = divmod(chip, self.board_width)
        return max((column + 1) * self.width, (row + 1) * self.height), chip
