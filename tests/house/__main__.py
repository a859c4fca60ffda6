"""Prints every place that breaks a rule of the house; exits with 1 where there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.house.circles import circles, import_graph
from tests.house.families import chip_types
from tests.house.keywords import by_position
from tests.house.names import participles
from tests.house.sizes import too_long
from tests.house.violation import Violation, sources

RULES = (participles, too_long, chip_types, by_position)


def violations() -> Iterator[Violation]:
    """All of them, file by file."""
    for source in sources():
        for rule in RULES:
            yield from rule(source)
    yield from circles(import_graph())


def main() -> None:
    """Print and exit."""
    lines = [str(one) for one in violations()]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.write(f"house: {len(lines)} violations\n")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
