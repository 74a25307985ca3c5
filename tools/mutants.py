"""Small faults for the night run: the places in a syntax tree that can change, and how."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_SPELLED: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.Add: "+",
    ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Div: "/", ast.BitOr: "|", ast.BitAnd: "&",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed place; `number` finds it again in the same source."""

    number: int
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class _Site:
    line: int
    what: str
    change: Callable[[], None]


def mutants(source: str) -> list[Mutant]:
    """Every change this module knows for `source`, in order."""
    return [Mutant(i, site.line, site.what) for i, site in enumerate(_sites(ast.parse(source)))]


def mutated(source: str, number: int) -> ast.Module:
    """The tree of `source` with change `number` made; line numbers stay those of `source`."""
    tree = ast.parse(source)
    list(_sites(tree))[number].change()
    return ast.fix_missing_locations(tree)


def _sites(tree: ast.Module) -> Iterator[_Site]:
    for node in _statements(tree):
        yield from _in_body(node)
        yield from _in_expression(node)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run; annotations, decorators, type aliases and typing-only blocks are left out."""
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns", "decorator_list", "bases"}:
            continue
        for node in value if isinstance(value, list) else [value]:
            if not isinstance(node, ast.AST) or _typing_only(node):
                continue
            yield node
            yield from _statements(node)


def _typing_only(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__" | "__all__")]):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")) | ast.Assert() | ast.JoinedStr():
            return True
        case _:
            return False


def _in_body(node: ast.AST) -> Iterator[_Site]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list):
            for place, statement in enumerate(body):
                if isinstance(statement, ast.Raise):
                    yield _Site(statement.lineno, "raise taken out", _put(body, place))


def _put(body: list[ast.stmt], place: int) -> Callable[[], None]:
    def change() -> None:
        body[place] = ast.copy_location(ast.Pass(), body[place])

    return change


def _in_expression(node: ast.AST) -> Iterator[_Site]:
    match node:
        case ast.Compare(ops=[first, *_]) if type(first) in _COMPARE:
            other = _COMPARE[type(first)]
            yield _Site(node.lineno, _named(first, other), lambda: node.ops.__setitem__(0, other()))
        case ast.BoolOp(op=ast.And()):
            yield _Site(node.lineno, "and -> or", lambda: setattr(node, "op", ast.Or()))
        case ast.BoolOp():
            yield _Site(node.lineno, "or -> and", lambda: setattr(node, "op", ast.And()))
        case ast.BinOp(op=found) if type(found) in _ARITHMETIC:
            swap = _ARITHMETIC[type(found)]
            yield _Site(node.lineno, _named(found, swap), lambda: setattr(node, "op", swap()))
        case ast.If() | ast.IfExp() | ast.While():
            negated = ast.UnaryOp(op=ast.Not(), operand=node.test)
            yield _Site(node.lineno, "condition negated", lambda: setattr(node, "test", negated))
        case ast.Constant(value=bool(value)):
            yield _Site(node.lineno, f"{value} -> {not value}", _constant(node, not value))
        case ast.Constant(value=int(value)):
            yield _Site(node.lineno, f"{value} -> {value + 1}", _constant(node, value + 1))
        case _:
            return


def _constant(node: ast.Constant, value: int) -> Callable[[], None]:
    return lambda: setattr(node, "value", value)


def _named(before: ast.AST, after: type[ast.AST]) -> str:
    return f"{_SPELLED[type(before)]} -> {_SPELLED[after]}"
