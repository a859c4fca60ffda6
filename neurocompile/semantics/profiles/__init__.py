"""The catalog of profiles: one file a framework, one profile per way to compute a tick."""

from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import norse, sinabs, snntorch, spikingjelly

PROFILES: dict[str, Profile] = {
    found.name: found for framework in (spikingjelly, snntorch, norse, sinabs) for found in framework.profiles()}
