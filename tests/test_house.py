"""The rules of the house that a linter does not know."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import skmix

PACKAGE = Path(skmix.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
PROBLEM_PACKAGES = {"regression", "imbalance", "active", "weighting", "human"}
TOP = {"compose", "model_selection", "plotting"}


def imported(path):
    """All that a file imports, as full names: "numpy", "skmix._core.mixing"."""
    parent = ["skmix", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) + 1 - node.level] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def offenders(is_forbidden, files=FILES):
    """Imports that break a rule, as "file: import"."""
    return [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in files
        for name in imported(path)
        if is_forbidden(name)
    ]


def below(name):
    return [path for path in FILES if path.relative_to(PACKAGE).parts[0] == name]


def run_python(script):
    """Output of a script that runs in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_import_reader_reads():
    here = imported(PACKAGE / "regression" / "_pairs.py")
    assert {"numpy.random.RandomState", "skmix._core.pairs.uniform_partners"} < set(
        here
    )


@pytest.mark.parametrize("name", ["_core", "_torch"])
def test_foundations_import_nothing_of_skmix_but_themselves(name):
    def is_forbidden(full_name):
        return f"{full_name}.".startswith("skmix.") and not full_name.startswith(
            f"skmix.{name}."
        )

    assert below(name)
    assert offenders(is_forbidden, below(name)) == []


def test_torch_is_imported_below_torch_only():
    elsewhere = [path for path in FILES if path not in below("_torch")]
    assert offenders(lambda name: name.split(".")[0] == "torch", elsewhere) == []


def test_torch_code_knows_no_scikit_learn():
    libraries = {"sklearn", "imblearn", "pandas", "polars", "narwhals"}
    forbidden = offenders(lambda name: name.split(".")[0] in libraries, below("_torch"))
    assert forbidden == []


@pytest.mark.parametrize("name", sorted(PROBLEM_PACKAGES))
def test_problem_packages_do_not_import_each_other_nor_what_stands_on_them(name):
    others = PROBLEM_PACKAGES | TOP | {"datasets"}
    forbidden = tuple(f"skmix.{other}." for other in others - {name})
    found = offenders(lambda full: f"{full}.".startswith(forbidden), below(name))
    assert found == []


def test_private_names_of_scikit_learn_are_in_one_file():
    def is_private(full_name):
        library, *parts = full_name.split(".")
        return library in ("sklearn", "imblearn") and any(
            part.startswith("_") for part in parts
        )

    found = offenders(is_private)
    assert found
    assert {place.split(":")[0] for place in found} == {"_compat.py"}


def test_importing_skmix_imports_no_large_library():
    heavy = "{'torch', 'sklearn', 'pandas', 'scipy', 'imblearn', 'narwhals'}"
    loaded = run_python(f"import sys, skmix; print({heavy} & set(sys.modules))")
    assert loaded == "set()"


def test_what_trains_no_network_imports_no_torch():
    script = """
import sys
from sklearn.linear_model import Ridge
import skmix.compose, skmix.model_selection, skmix.callbacks, skmix.metrics
from skmix.regression import MixRLResampler
X = [[float(i)] for i in range(20)]
MixRLResampler(Ridge(), random_state=0).fit_resample(X, [x for x, in X])
from sklearn.neighbors import KNeighborsClassifier
from skmix.imbalance import MixAnNSampler, NetworkClassifier
MixAnNSampler(KNeighborsClassifier(3)).fit_resample(X, [0] * 15 + [1] * 5)
print("torch" in sys.modules)
"""
    assert run_python(script) == "False"


def test_nobody_prints():
    calls = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert calls == []


def test_every_public_name_can_be_had():
    for name in skmix.__all__:
        assert getattr(skmix, name) is not None
    assert set(dir(skmix)) == set(skmix.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = skmix.nonsense


def test_version_is_that_of_the_installed_package():
    assert importlib.metadata.version("skmix") == skmix.__version__


def test_show_versions_names_what_a_bug_report_needs(capsys):
    skmix.show_versions()
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert next(iter(lines)) == "skmix"
    for library in ("skmix", "torch", "scikit-learn", "imbalanced-learn", "numpy"):
        assert lines[library] == importlib.metadata.version(library)
    assert lines["python"].startswith(sys.version.split()[0])
    assert lines["devices"].startswith("cpu (")


def test_metadata_stand_in_one_place():
    config = ConfigParser()
    config.read(PACKAGE.parent / "setup.cfg")
    assert "mypy" in config
    assert {"metadata", "options"} & set(config) == set()


def test_the_example_of_the_readme_runs(capsys):
    code = re.search(
        r"```python\n(.*?)```", (PACKAGE.parent / "README.md").read_text(), re.S
    )[1]
    exec(code, {})
    assert "MixRLResampler" in capsys.readouterr().out
