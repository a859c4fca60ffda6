"""Neurons of NIR files: NIR's own equations in steps, what producers mean by them, and ours.

NIR (1.0.8) gives equations in continuous time; which step, reset and comparison a simulator makes
of them is the producer's. Sources: norse 1.1.0 `functional/{lif,lif_box,iaf}.py`, sinabs 3.1.3
`layers/functional/lif.py` with SingleSpike, snnTorch 1.0.0 `_neurons/rleaky.py`, SpikingJelly 2.0.0
`activation_based/neuron` (CUBALIFNode).
"""

from __future__ import annotations

from neurocompile.semantics.floating import Profile, profile
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset

_RESET = {"hard": "v = (1 - s) * h + s * v_reset", "soft": "v = h - s * v_th"}


def _fires(name: str, model: str, framework: str, fire: str, reset: str, *charge: str) -> Profile:
    return profile(f"nir-{name}-{reset}", model, framework, *charge, fire, _RESET[reset])


def by_the_book(kind: str, reset: str = "hard") -> Profile:
    """NIR's equations of a node type, a tick at a time; `>` is NIR's comparison.

    `rate` is dt/tau (Euler) or 1 - exp(-dt/tau) (exact for a current that holds for the tick), of
    v and, as `rate_syn`, of the synaptic current, which is advanced first. `gain` is dt r.
    """
    charge = {
        "I": ("v = v + gain * x",),
        "IF": ("h = v + gain * x",),
        "LI": ("v = v + rate * (v_leak - v + r * x)",),
        "LIF": ("h = v + rate * (v_leak - v + r * x)",),
        "CubaLI": ("u = u + rate_syn * (w_in * x - u)", "v = v + rate * (v_leak - v + r * u)"),
        "CubaLIF": ("u = u + rate_syn * (w_in * x - u)", "h = v + rate * (v_leak - v + r * u)"),
    }[kind]
    if kind in ("I", "LI", "CubaLI"):
        return profile(f"nir-{kind.lower()}", "LI", "nir", *charge, "s = v")
    return _fires(kind.lower(), kind, "nir", "s = h - v_th > 0", reset, *charge)


def threshold() -> Profile:
    """NIR's Threshold: a neuron without memory."""
    return profile("nir-threshold", "LIF", "nir", "s = x - v_th > 0", "v = x")


def norse(kind: str, reset: str) -> Profile:
    """What norse means by IF (IAFCell), LIF (LIFBoxCell), CubaLIF (LIFCell) and LI (LIBoxCell)."""
    charge = {
        "IF": ("h = v + x",),
        "LI": ("v = v + rate * (x + v_leak - v)",),
        "LIF": ("h = v + rate * (x + v_leak - v)",),
        "CubaLIF": ("c = u + x", "h = v + rate * (v_leak - v + c)", "u = c - rate_syn * c"),
    }[kind]
    if kind == "LI":
        return profile("nir-norse-li", "LI", "norse", *charge, "s = v")
    return _fires(f"norse-{kind.lower()}", kind, "norse", "s = h - v_th > 0", reset, *charge)


def exp_leak_of_sinabs() -> Profile:
    """sinabs's ExpLeak as it is by default: its input is not normalized."""
    return profile("nir-sinabs-li", "LI", "sinabs", "v = alpha * v + x", "s = v")


def rleaky_of_snntorch() -> Profile:
    """snnTorch's RLeaky with reset to zero, which unlike Leaky's drops the tick's input as well."""
    return profile("nir-snntorch-rleaky-zero", "LIF", "snntorch", "r = v - v_th > 0",
                   "h = beta * v + x", "v = h - r * h", "s = v - v_th > 0")


def cuba_lif_of_spikingjelly() -> Profile:
    """SpikingJelly's CUBALIFNode, hard reset."""
    return _fires("spikingjelly-cubalif", "CubaLIF", "spikingjelly", "s = h - v_th >= 0", "hard",
                  "u = alpha * u + x", "h = beta * v + u")


def normal(neuron: FloatNeuron) -> tuple[Profile, dict[str, float]]:
    """A neuron in normal form as a profile with its constants."""
    constants = {"v_th": neuron.v_th}
    charge = ["h = v + x"]
    if neuron.model != "IF" or neuron.decay != 1.0:
        charge = ["h = decay * v + x"]
        constants["decay"] = neuron.decay
    if neuron.alpha is not None:
        charge = ["u = alpha * u + x", charge[0].replace("x", "u")]
        constants["alpha"] = neuron.alpha
    above = ">" if neuron.strict else ">="
    late = neuron.reset in (Reset.SOFT_DELAYED, Reset.HARD_DELAYED)
    before = [f"r = v - v_th {above} 0"] if late else []
    after = {Reset.HARD: "v = (1 - s) * h", Reset.SOFT: "v = h - s * v_th", Reset.NONE: "v = h",
             Reset.SOFT_DELAYED: "v = h - r * v_th", Reset.HARD_DELAYED: "v = h - r * h"}
    fire = [f"s = h - v_th {above} 0", after[neuron.reset]]
    if late:
        fire = [fire[1], f"s = v - v_th {above} 0"]
    name = "-".join(("nir-ours", neuron.model.lower(), "gt" if neuron.strict else "ge",
                     neuron.reset.name.lower().replace("_", "-")))
    result = profile(name, neuron.model, "neurocompile", *before, *charge, *fire)
    return result, {k: constants[k] for k in result.constants}
