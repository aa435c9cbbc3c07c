"""The arrows between modules, and what the core may not do: rules of the whole, parsed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "autograin_cli"
STAGES = {"mapping", "potential", "simulation", "comparison"}
MAY_IMPORT = {
    "cli": {"cli", "files", "joint", "checking", *STAGES},
    # An artifact keeps what the checks of its input found.
    "files": {"files", "checking", *STAGES},
    # The checks come before every stage and know none of them.
    "checking": {"checking"},
    "joint": {"joint", "mapping", "potential"},
    "mapping": {"mapping"},
    "potential": {"potential"},
    "simulation": {"simulation", "potential"},
    "comparison": {"comparison"},
    "root": set[str](),
}
ONLY_IN = {
    "click": "cli",
    "rich": "cli",
    "h5py": "files",
    "MDAnalysis": "files",
    "matplotlib": "files",
    "jinja2": "files",
    "yaml": "files",
}
# A root module that is large enough to be a folder.
ROOT_PACKAGES = {"settings"}
IMPORT_NOTHING_OF_OURS = {"errors", "units", "settings"}
# What takes a second to import; a command imports it inside its body, so that --help is quick.
SLOW = {"torch", "MDAnalysis", "numba", "scipy", "matplotlib", "h5py", "numpy", "jinja2", "rich"}
EDGE = {"cli", "files"}
FORBIDDEN_CALLS = {"print", "open", "input", "torch.manual_seed", "numpy.random.seed"}
FORBIDDEN_MODULES = {"logging", "time", "datetime", "random", "warnings"}
VAGUE = {"utils", "util", "helpers", "common", "misc", "tools", "base"}
MODULES = sorted(PACKAGE.rglob("*.py"))
# Of the engines only the built-in one is part of the core.
EXTERNAL_ENGINES = {"openmm", "lammps"}


def identifier(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


every_module = pytest.mark.parametrize("module", MODULES, ids=identifier)


def layer(module: Path) -> str:
    """Package that a module belongs to; 'root' for a module beside the packages."""
    parts = module.relative_to(PACKAGE).with_suffix("").parts
    if parts == ("__main__",):
        return "cli"
    return parts[0] if len(parts) > 1 and parts[0] not in ROOT_PACKAGES else "root"


def imports(tree: ast.AST) -> Iterator[str]:
    """Full name of every module, or member of a module, that is imported anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of_import(name: str) -> str | None:
    """Layer of what is imported; None where it is not ours."""
    parts = name.split(".")
    if parts[0] != "autograin_cli":
        return None
    if len(parts) > 1 and parts[1] not in ROOT_PACKAGES and (PACKAGE / parts[1]).is_dir():
        return parts[1]
    return "root"


def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@every_module
def test_imports_point_downwards(module: Path) -> None:
    allowed = MAY_IMPORT[layer(module)] | {"root"}
    for name in imports(parsed(module)):
        assert layer_of_import(name) in {None, *allowed}, f"{identifier(module)} imports {name}"


@every_module
def test_what_touches_the_outside_world_stays_at_the_edge(module: Path) -> None:
    for name in imports(parsed(module)):
        home = ONLY_IN.get(name.split(".")[0])
        assert home in (None, layer(module)), f"{identifier(module)} imports {name}"


@pytest.mark.parametrize("name", sorted(IMPORT_NOTHING_OF_OURS))
def test_errors_units_and_settings_stand_alone(name: str) -> None:
    modules = [*PACKAGE.glob(f"{name}.py"), *PACKAGE.glob(f"{name}/*.py")]
    assert modules
    named = {other for module in modules for other in imports(parsed(module))}
    ours = {other for other in named if layer_of_import(other) and f".{name}." not in other}
    assert ours <= {"autograin_cli.errors.SettingError"}


def test_every_command_imports_slow_libraries_inside_its_body() -> None:
    """What `autograin --help` imports, followed from module to module."""
    waiting, seen = [PACKAGE / "__main__.py"], set[Path]()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        for name in imports_on_import(parsed(module)):
            assert name.split(".")[0] not in SLOW, f"{identifier(module)} imports {name}"
            waiting += [path for path in files_of(name) if path not in seen]
    assert PACKAGE / "cli" / "fit_mapping.py" in seen


def imports_on_import(tree: ast.Module) -> Iterator[str]:
    """Imports at the top of a module, not those for the type checker alone."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(node)


def files_of(name: str) -> Iterator[Path]:
    """Files of ours that importing a name runs, or may run."""
    parts = name.split(".")
    if parts[0] != "autograin_cli":
        return
    for length in range(1, len(parts) + 1):
        path = PACKAGE.joinpath(*parts[1:length])
        yield from (p for p in (path / "__init__.py", path.with_suffix(".py")) if p.is_file())


@every_module
def test_the_core_is_pure(module: Path) -> None:
    if layer(module) in EDGE or module.stem in EXTERNAL_ENGINES:
        return
    tree = parsed(module)
    for name in imports(tree):
        assert name.split(".")[0] not in FORBIDDEN_MODULES, f"{identifier(module)} imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in FORBIDDEN_CALLS, f"{identifier(module)}:{node.lineno} {called}"


@every_module
def test_modules_and_functions_stay_short(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300, identifier(module)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno - 1
            lines = (node.end_lineno or 0) - (first or 0)
            assert lines <= 40, f"{identifier(module)}: {node.name} has {lines} lines"


@every_module
def test_names_of_modules_say_what_is_in_them(module: Path) -> None:
    assert module.stem not in VAGUE
