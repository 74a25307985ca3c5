"""What the architecture tests ask of the tree: each check gives findings, one line each."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from tools.tree import Module, cycles, graph, imports, modules, tracked

MODULE_LINES, FUNCTION_LINES, CLASS_LINES = 400, 80, 250
MOCKS_PER_THOUSAND = 5

_NEVER = "Manager|Helper|Util|Utils|Handler|Processor"
_WORDS = f"{_NEVER}|Base|Abstract|Service"  # the last three are plain words in a function's name
# Written so that these lines do not find themselves.
_REGISTRIES = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|npmmirror|crates|deb\.debian|golang|rubygems)\.(?:org|com|io)\b",
    re.IGNORECASE,
)
_MACHINE = re.compile(r"(?<![\w./:~-])/(?:work|root|opt/pypi|opt/wheels|tmp/brief)/\w")
_ADDRESS = re.compile(r"https?://|file://|git\+")
_MOCK = re.compile(
    r"\b(?:Magic|Async)?Mock\(|\bmonkeypatch\.(?:setattr|delattr)|\bmocker\.|\bpatch(?:\.object)?\("
)

# Rule 3: what nouns, verbs and the client's check may not even name.
_IMPURE_ROOTS = frozenset(
    "asyncio concurrent ctypes ftplib glob http multiprocessing os random secrets select shutil "
    "signal smtplib socket socketserver sqlite3 ssl subprocess tempfile threading time "
    "urllib".split()
)
_CLOCKS = frozenset({"now", "utcnow", "today"})
_PATH_VERBS = frozenset(
    {"read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "mkdir"}
)
_PURE = re.compile(r"^warifu\.(?:model|flow)(?:\.|$)|^warifu_wire\.check(?:\.|$)")


def budgets(root: Path) -> list[str]:
    """Modules over 400 lines, functions over 80, classes over 250 (HOUSE.md, budgets)."""
    found = []
    for module in modules(root):
        where = module.path.relative_to(root)
        if module.lines > MODULE_LINES:
            found.append(f"{where}: module has {module.lines} lines, at most {MODULE_LINES}")
        for node in ast.walk(module.tree):
            length = (getattr(node, "end_lineno", None) or 0) - getattr(node, "lineno", 0) + 1
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    limit = FUNCTION_LINES
                case ast.ClassDef(name=name):
                    limit = CLASS_LINES
                case _:
                    continue
            if length > limit:
                found.append(f"{where}: {name} has {length} lines, at most {limit}")
    return found


def import_cycles(root: Path) -> list[str]:
    """Import cycles between our modules (rule 6); imports inside functions count."""
    return [" -> ".join([*group, group[0]]) for group in cycles(graph(modules(root)))]


def forbidden_names(root: Path) -> list[str]:
    """Modules, classes and functions called by one of the words the house never uses."""
    camel = re.compile(rf"(?:{_WORDS})(?![a-z])")
    snake = re.compile(rf"(?:^|_)(?:{_WORDS.lower()})s?(?:_|$)")
    verb = re.compile(rf"(?:^|_)(?:{_NEVER.lower()})s?(?:_|$)")
    found = []
    for module in modules(root):
        last = module.name.rpartition(".")[2]
        if snake.search(last):
            found.append(f"{module.name}: module name")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and camel.search(node.name):
                found.append(f"{module.name}: class {node.name}")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and verb.search(node.name):
                found.append(f"{module.name}: function {node.name}")
    return found


def purposes(root: Path) -> list[str]:
    """Modules that do not say in one first line what they are for."""
    found = []
    for module in modules(root):
        if ".migrations" in module.name:
            continue
        first = (ast.get_docstring(module.tree) or "").partition("\n")[0]
        if not first.endswith((".", "?", "!", ":", ")")):
            found.append(f"{module.name}: no one-line purpose")
    return found


def purity(root: Path) -> list[str]:
    """Clocks, files, processes and third parties in nouns, verbs and the check (rule 3)."""
    found = []
    for module in modules(root):
        if _PURE.match(module.name):
            found += _impure_imports(module) + _impure_calls(module)
    return found


def _impure_imports(module: Module) -> list[str]:
    ours = {"warifu", "warifu_wire"}
    found = []
    for name, line in imports(module):
        first = name.partition(".")[0]
        if first in _IMPURE_ROOTS and not name.startswith(
            ("pathlib.PurePosixPath", "urllib.parse")
        ):
            found.append(f"{module.name}:{line}: imports {name}")
        elif first not in sys.stdlib_module_names and first not in ours:
            found.append(f"{module.name}:{line}: imports third-party {name}")
    return found


def _impure_calls(module: Module) -> list[str]:
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id="open" | "print" | "input" as name):
                found.append(f"{module.name}:{node.lineno}: calls {name}")
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=attr) if (
                attr in _CLOCKS
            ):
                found.append(f"{module.name}:{node.lineno}: reads the clock ({attr})")
            case (
                ast.Attribute(attr="uuid1" | "uuid4" as attr)
                | ast.Name(id="uuid1" | "uuid4" as attr)
            ):
                found.append(f"{module.name}:{node.lineno}: draws at random ({attr})")
            case ast.Attribute(attr=attr) if attr in _PATH_VERBS:
                found.append(f"{module.name}:{node.lineno}: touches the disk ({attr})")
            case _:
                pass
    return found


def mocks(root: Path) -> list[str]:
    """More than five lines of mocks in a thousand lines of tests."""
    lines = [
        line
        for path in sorted(root.glob("tests/**/*.py"))
        for line in path.read_text("utf-8").splitlines()
    ]
    used = sum(1 for line in lines if _MOCK.search(line))
    if used * 1000 > MOCKS_PER_THOUSAND * max(len(lines), 1000):
        return [f"{used} lines of mocks in {len(lines)} lines of tests"]
    return []


def addresses(root: Path) -> list[str]:
    """Addresses in lock files: they tie the tree to somebody's machine or index."""
    found = []
    locks = [
        *root.glob("requirements/*"),
        *root.glob("packages/**/package-lock.json"),
        *root.glob("tests/**/package-lock.json"),
        *root.glob("*.lock"),
    ]
    for path in sorted(
        p for p in locks if ".venv" not in p.parts and "node_modules" not in p.parts
    ):
        found += _grep(root, path, _ADDRESS)
    return found


def unhashed(root: Path) -> list[str]:
    """Pins in `requirements/*.txt` that no hash follows."""
    found = []
    for path in sorted(root.glob("requirements/*.txt")):
        lines = path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            if re.match(r"[a-z0-9]", line, re.IGNORECASE):
                after = lines[number] if number < len(lines) else ""
                if "--hash=sha256:" not in line + after:
                    found.append(
                        f"{path.relative_to(root)}:{number}: {line.split()[0]} has no hash"
                    )
    return found


def machine_marks(root: Path) -> list[str]:
    """Machine paths and registry hosts in files git knows."""
    found = []
    for path in tracked(root):
        found += _grep(root, path, _MACHINE) + _grep(root, path, _REGISTRIES)
    return found


def _grep(root: Path, path: Path, pattern: re.Pattern[str]) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return []
    return [
        f"{path.relative_to(root)}:{number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]
