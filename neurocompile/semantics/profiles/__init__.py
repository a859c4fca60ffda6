"""The catalog of profiles: one file a framework, one profile per way to compute a tick."""

from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import (
    lava,
    norse,
    rockpool,
    sinabs,
    slayer,
    snntorch,
    spikingjelly,
)

FRAMEWORKS = (spikingjelly, snntorch, norse, sinabs, rockpool, slayer)
PROFILES: dict[str, Profile] = {
    profile.name: profile for framework in (*FRAMEWORKS, lava) for profile in framework.profiles()}
