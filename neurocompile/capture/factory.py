"""Models made by the user's own code: `pkg.mod:factory`, and weights put into them."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import random
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurocompile.capture.frames import raised_at
from neurocompile.capture.own_modules import import_failure
from neurocompile.capture.user_code import Finding, hint_for, model_failure, summary, user_code
from neurocompile.diagnostics import Diagnostic, UsageError

ENTRY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def make_model(entry: str, arguments: Mapping[str, Any], folders: Sequence[Path]
               ) -> tuple[nn.Module, Path | None]:
    """The model that `pkg.mod:factory` makes, and the file that the module was imported from.

    The folders are searched first, and stay on `sys.path`, behind all others. Random numbers start
    from the same seeds each time. Raises UsageError: NC007 when there is no such module or factory
    or it makes no model, NC602 when it imports what is not installed.
    """
    module_name, _, attribute = entry.partition(":")
    if not ENTRY.fullmatch(entry):
        raise _missing(f"`{entry}`", "an architecture is named `pkg.mod:factory`")
    with user_code(_failure(f"the module `{module_name}`", "importing it", module_name, folders)):
        _search(folders)
        _seed()
        module = _import(module_name, folders)
    with user_code(_failure(f"a model in `{entry}`", "calling it", entry, folders)):
        _search(folders)
        _seed()
        model = _made_by(_attribute(module, attribute, module_name), entry, arguments)
    file = getattr(module, "__file__", None)
    return model, None if file is None else Path(file)


def _seed() -> None:
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)


def _attribute(module: Any, path: str, module_name: str) -> Any:
    value = module
    for part in path.split("."):
        if not hasattr(value, part):
            names = [n for n in vars(value) if not n.startswith("_")]
            raise _missing(f"`{part}` in `{module_name}`",
                           "it has no such name" + _close(part, names))
        value = getattr(value, part)
    return value


def _made_by(factory: Any, entry: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The model itself, or what a factory of it gives."""
    if not isinstance(factory, nn.Module) and not callable(factory):
        raise _missing(f"a factory in `{entry}`", f"it is a {type(factory).__name__}")
    model = factory if isinstance(factory, nn.Module) else factory(**arguments)
    if not isinstance(model, nn.Module):
        raise _missing(f"a model in `{entry}`",
                       f"it gives a {type(model).__name__}, not a torch.nn.Module")
    return model


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


def _failure(what: str, doing: str, name: str, folders: Sequence[Path]) -> Finding:
    """NC007 for what the user's code raises, at its line; NC602 for what is not installed."""
    def finding(error: BaseException) -> UsageError:
        if isinstance(error, ModuleNotFoundError):
            return import_failure(name, error, folders)
        return UsageError(Diagnostic("NC007", raised_at(error), {
            "what": what, "reason": f"{doing} raised {summary(error)}"}, hint=hint_for(error)))
    return finding


def _close(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, sorted(set(names)), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _missing(what: str, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC007", values={"what": what, "reason": reason}))


def put_weights(model: nn.Module, weights: Mapping[str, torch.Tensor], entry: str,
                file: str) -> None:
    """Load a state_dict into a model. Raises UsageError (NC003) naming every key that differs."""
    with user_code(model_failure(entry, "read its state_dict", theirs=True)):
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
    with user_code(model_failure(entry, "loaded its weights", theirs=True)):
        model.load_state_dict(dict(weights))


def _enumeration(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more
