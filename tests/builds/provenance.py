"""What little the builds of these tests say of themselves."""

from neurocompile.report.model.manifest import Provenance, Tool


def provenance_of(model: str) -> Provenance:
    """A provenance that differs by the model's name alone."""
    return Provenance(tool=Tool(name="neurocompile", version="1"), model=model, target="loihi2",
                      options={}, seed=0, inputs=(), versions={})
