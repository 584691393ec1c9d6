"""Docstrings are the manual: every public object has all of its sections."""

import importlib
import inspect

import pytest
from numpydoc.validate import validate

import skmix

# What numpydoc asks for beyond the manual: a See Also or an extended summary in every
# docstring, a type for what examples return, and style of its own.
LEFT_OUT = {"ES01", "GL01", "GL02", "GL03", "RT02", "RT03", "SA01", "SA04", "YD01"}
# Methods need no example of their own: the class has one.
METHODS_LEFT_OUT = LEFT_OUT | {"EX01"}
# Nobody calls these but scikit-learn, whose protocol documents them.
HOOKS = {"setup", "teardown", "on_fit_task_begin", "on_fit_task_end"}


def public_objects():
    for module_name in skmix._MODULES:
        module = importlib.import_module(f"skmix.{module_name}")
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if not getattr(thing, "__module__", "").startswith("skmix"):
                continue
            yield f"skmix.{module_name}.{name}", LEFT_OUT
            if inspect.isclass(thing):
                for method, function in vars(thing).items():
                    if method.startswith("_") or method in HOOKS:
                        continue
                    if inspect.isfunction(function):
                        path = f"skmix.{module_name}.{name}.{method}"
                        yield path, METHODS_LEFT_OUT


@pytest.mark.parametrize(("path", "left_out"), list(public_objects()))
def test_docstring_has_its_sections(path, left_out):
    errors = [
        f"{code} {message}"
        for code, message in validate(path)["errors"]
        if code not in left_out
    ]
    assert errors == []
