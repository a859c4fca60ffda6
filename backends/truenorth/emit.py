"""Emit: a core network as files that the simulator runs, with what each part was in the model."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import jinja2

from neurocompile.backends.outputs import output_entry, write_host_programs
from neurocompile.backends.results import Emission
from neurocompile.backends.truenorth.network_file import save_network
from neurocompile.backends.truenorth.ranc import inexpressible, write_ranc
from neurocompile.diagnostics import Diagnostic, printable
from neurocompile.ir.network import Network
from neurocompile.passes.truenorth.core_network import CoreNetwork

FORMAT = "neurocompile/truenorth-program/1"
NETWORK = "network.safetensors"
RANC = ("ranc.json", "ranc_config.json")
RANC_CORES = 64  # of larger networks no JSON is written


def emit_core_network(cores: CoreNetwork, network: Network, target: str, out: Path) -> Emission:
    """Write the core network of an integer network into the folder `out`; always the same bytes.

    Raises FindingsError (NC613) for a core network that is out of range.
    """
    out.mkdir(parents=True, exist_ok=True)
    save_network(cores, out / NETWORK)
    (out / "network.json").write_text(
        json.dumps(_description(cores, network), indent=1) + "\n", encoding="utf-8", newline="\n")
    reason = _not_for_ranc(cores)
    if not reason:
        write_ranc(cores, out / RANC[0], out / RANC[1])
    (out / "README.md").write_text(_readme(cores, network, target, not reason), encoding="utf-8",
                                   newline="\n")
    names = ["README.md", "network.json", NETWORK, *(() if reason else RANC),
             *write_host_programs(network, out)]
    notes = (Diagnostic("NC614", values={"reason": reason}),) if reason else ()
    return Emission(tuple(out / name for name in sorted(names)), notes)


def _not_for_ranc(cores: CoreNetwork) -> str:
    """Why there is no file for RANC; empty where there is one."""
    if len(cores.cores) > RANC_CORES:
        return f"it has {len(cores.cores):,} cores, more than {RANC_CORES}: `neurocompile ranc` writes one"
    reasons = [d.message for d in inexpressible(cores)]
    return "; ".join(reasons)


def _description(cores: CoreNetwork, network: Network) -> dict[str, Any]:
    """The model's names and shapes for the tables of the core network."""
    populations = {p.name: p for p in network.populations}
    names = {name: name for name in network.sources()}
    return {
        "format": FORMAT, "n_ticks": cores.n_ticks, "step": cores.step, "latency": cores.latency,
        "ticks_per_sample": cores.ticks_per_sample, "reload": cores.reload,
        "inputs": [{"name": t["name"], "sources": t["size"], "on_host": t["name"] in populations}
                   for t in _tables(cores, network)],
        "populations": [{"name": t.name, "shape": list(populations[t.name].shape),
                         "depth": t.depth, "read": bool((t.line >= 0).any())}
                        for t in cores.populations],
        "readouts": [output_entry(output, names) for output in network.outputs],
    }


def _tables(cores: CoreNetwork, network: Network) -> list[dict[str, Any]]:
    """The tables through which the host sends spikes of something, and their sizes."""
    sizes = {name: item.size for name, item in network.sources().items()}
    return [{"name": t.name, "size": sizes[t.name] if len(t.element) else 0}
            for t in cores.inputs if not t.always]


def _readme(cores: CoreNetwork, network: Network, target: str, ranc: bool) -> str:
    text = (importlib.resources.files("neurocompile.backends.truenorth") / "templates"
            / "README.md.j2").read_text(encoding="utf-8")
    template = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False).from_string(text)
    return template.render(
        cores=len(cores.cores), target=target, n_ticks=cores.n_ticks, step=cores.step,
        latency=cores.latency, reload=cores.reload, inputs=_tables(cores, network), ranc=ranc,
        hosted=[f"`{printable(p.name)}`" for p in network.populations if p.on_host])
