"""Models made by the user's own code: `pkg.mod:factory`, and weights put into them."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neurocompile.capture.frames import raised_at
from neurocompile.capture.own_modules import import_failure
from neurocompile.diagnostics import Diagnostic, UsageError

ENTRY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def make_model(entry: str, arguments: Mapping[str, Any], folders: Sequence[Path]
               ) -> tuple[nn.Module, Path | None]:
    """The model that `pkg.mod:factory` makes, and the file that the module was imported from.

    The folders are searched first, and stay on `sys.path`. Raises UsageError: NC007 when there is
    no such module or factory or it makes no model, NC602 when it imports what is not installed.
    """
    module_name, _, attribute = entry.partition(":")
    if not ENTRY.fullmatch(entry):
        raise _missing(f"`{entry}`", "an architecture is named `pkg.mod:factory`")
    _search(folders)
    module = _import(module_name, folders)
    value: Any = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            names = [n for n in vars(value) if not n.startswith("_")]
            raise _missing(f"`{part}` in `{module_name}`",
                           "it has no such name" + _close(part, names))
        value = getattr(value, part)
    model = value if isinstance(value, nn.Module) else _call(entry, value, arguments, folders)
    if not isinstance(model, nn.Module):
        raise _missing(f"a model in `{entry}`",
                       f"it gives a {type(model).__name__}, not a torch.nn.Module")
    file = getattr(module, "__file__", None)
    return model, None if file is None else Path(file)


def _search(folders: Sequence[Path]) -> None:
    for folder in reversed(folders):
        text = str(folder)
        if text in sys.path:
            sys.path.remove(text)
        sys.path.insert(0, text)
    importlib.invalidate_caches()


def _import(name: str, folders: Sequence[Path]) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if missing != name and not name.startswith(f"{missing}."):
            raise import_failure(name, error, folders) from error
        near = [p.stem for folder in folders for p in folder.glob("*")
                if p.suffix == ".py" or (p / "__init__.py").is_file()]
        raise _missing(f"the module `{name}`", "no such module in the working directory or the "
                       "environment" + _close(missing, near)) from None
    except Exception as error:  # the user's own code: anything
        raise _user_error(f"the module `{name}`", "importing it", error) from error


def _call(entry: str, factory: Any, arguments: Mapping[str, Any], folders: Sequence[Path]) -> Any:
    if not callable(factory):
        raise _missing(f"a factory in `{entry}`", f"it is a {type(factory).__name__}")
    try:
        torch.manual_seed(0)
        return factory(**arguments)
    except ModuleNotFoundError as error:
        raise import_failure(entry, error, folders) from error
    except Exception as error:  # the user's own code: anything
        raise _user_error(f"a model in `{entry}`", "calling it", error) from error


def _summary(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")


def _close(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, sorted(set(names)), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _user_error(what: str, doing: str, error: Exception) -> UsageError:
    """NC007 for what the user's code raises, at its line."""
    return UsageError(Diagnostic("NC007", raised_at(error), {
        "what": what, "reason": f"{doing} raised {_summary(error)}"},
        hint="correct the named line; it has to run in Python by itself"))


def _missing(what: str, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC007", values={"what": what, "reason": reason}))


def put_weights(model: nn.Module, weights: Mapping[str, torch.Tensor], entry: str,
                file: str) -> None:
    """Load a state_dict into a model. Raises UsageError (NC003) naming every key that differs."""
    expected = model.state_dict()
    missing = [name for name in expected if name not in weights
               and isinstance(expected[name], torch.Tensor)]
    surplus = [name for name in weights if name not in expected]
    shapes = [f"`{name}` is {tuple(weights[name].shape)} in the file, "
              f"{tuple(tensor.shape)} in the model"
              for name, tensor in expected.items()
              if name in weights and isinstance(tensor, torch.Tensor)
              and weights[name].shape != tensor.shape]
    parts = [f"{label}: {_enumeration(names)}" for label, names in (
        ("missing", [f"`{n}`" for n in missing]),
        ("unexpected", [f"`{n}`" for n in surplus]), ("shape", shapes)) if names]
    if parts:
        raise UsageError(Diagnostic("NC003", values={
            "file": file, "kind": f"weights of `{entry}`", "reason": "; ".join(parts)},
            hint="name the architecture that these weights were trained with (--arch)"))
    model.load_state_dict(dict(weights))


def _enumeration(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more
