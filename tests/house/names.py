"""Names say what a thing holds: no participle is a name.

Exempt are words of the field and words that are nouns or verbs as well, and adjectives of what is
true or false (`graded: bool`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.violation import Source, Violation

_IRREGULAR = """
    beaten begun bitten born bought broken brought built caught chosen dealt done drawn driven eaten
    fallen fed felt forgotten fought found frozen given gone got gotten grown heard held hidden hit
    kept known laid led left lent lost made meant met paid proven put risen said seen sent shaken
    shown shut slept sold sought spent spoken stolen stuck sunk swept sworn taken taught thought
    thrown told torn understood woken won worn wound woven written
    """
_EXEMPT = """
    bed bleed embed exceed expected feed hidden hundred need patchembed red rested seed shared shed
    signed speed unsigned wed
    """  # `hidden` layers, `expected` values of a test
IRREGULAR, EXEMPT = frozenset(_IRREGULAR.split()), frozenset(_EXEMPT.split())
PREDICATES = frozenset({"any", "all", "bool", "isinstance", "callable", "hasattr", "issubclass"})


def is_participle(name: str) -> bool:
    """Whether a whole name is one participle."""
    word = name.strip("_").lower()
    return word not in EXEMPT and (
        word in IRREGULAR or re.fullmatch(r"[a-z]{2,}ed", word) is not None)


def participles(source: Source) -> Iterator[Violation]:
    """Every binding of a participle that holds more than true or false."""
    for node in ast.walk(source.tree):
        for name, line, truth in _bindings(node):
            if is_participle(name) and not truth:
                yield Violation(source.path, line, f"`{name}` says no noun: name what it holds")


def _bindings(node: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """Names that a node binds, their line, and whether they hold true or false."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name, node.lineno, _is_bool(node.returns)
        yield from _parameters(node.args)
    elif isinstance(node, ast.Lambda):
        yield from _parameters(node.args)
    elif isinstance(node, ast.ClassDef):
        yield node.name, node.lineno, False
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, node.lineno, _is_bool(node.annotation)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _targets(target, node.value)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield from _targets(node.target, None)
    elif isinstance(node, ast.NamedExpr):
        yield node.target.id, node.lineno, _is_true_or_false(node.value)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _targets(node.optional_vars, None)


def _parameters(arguments: ast.arguments) -> Iterator[tuple[str, int, bool]]:
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs,
                *filter(None, (arguments.vararg, arguments.kwarg))):
        yield one.arg, one.lineno, _is_bool(one.annotation)


def _targets(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, int, bool]]:
    if isinstance(target, ast.Name):
        yield target.id, target.lineno, value is not None and _is_true_or_false(value)
    elif isinstance(target, ast.Attribute):
        yield target.attr, target.lineno, value is not None and _is_true_or_false(value)
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value, None)
    elif isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) and len(
            value.elts) == len(target.elts) else [None] * len(target.elts)
        for one, item in zip(target.elts, values, strict=True):
            yield from _targets(one, item)


def _is_bool(annotation: ast.expr | None) -> bool:
    """Whether an annotation says true or false, alone or in an array or a container."""
    return annotation is not None and re.search(
        r"\bbool(_)?\b|\bBools\b", ast.unparse(annotation)) is not None


def _is_true_or_false(value: ast.expr) -> bool:
    """Whether an expression can be seen to be a truth value."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, bool)
    if isinstance(value, ast.BoolOp):
        return all(map(_is_true_or_false, value.values))
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitAnd | ast.BitOr):
        return _is_true_or_false(value.left) and _is_true_or_false(value.right)
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in PREDICATES
    return isinstance(value, ast.Compare)
