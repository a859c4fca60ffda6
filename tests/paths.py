"""Where things lie in the checkout."""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
TARGETS = ROOT / "targets"
GOLDEN = TESTS / "golden"
