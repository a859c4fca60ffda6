"""Rules 6xx to 9xx: emission, fidelity, internal errors."""

from __future__ import annotations

from neurocompile.rules.rule import Rule

EMISSION = (
    Rule("NC601", "backend-target", "error",
         "backend `{backend}` cannot emit for `{target}`",
         "Each backend writes for its own family of chips.",
         "choose a target of the backend's family", "", ""),
    Rule("NC602", "missing-extra", "error",
         "{what} needs the package `{package}`, which is not installed",
         "Some packages are only needed for one task and are not installed by default.",
         "pip install {package}; `neurocompile doctor` shows what each package unlocks", "", ""),
    Rule("NC603", "lava-failed", "error",
         "the Lava program failed: {reason}",
         "Lava runs in a process of its own; what it printed is in `{log}`.",
         "read the log; if the traceback ends in neurocompile's own file, report it", "", ""),
    Rule("NC604", "lava-timeout", "error",
         "the Lava program did not end within {limit} s",
         "Lava hangs on many failures; its process group was stopped.",
         "verify fewer samples, or raise --timeout", "", ""),
    Rule("NC605", "neuron-program", "note",
         "`{module}` {what}: on silicon it needs a neuron program for {target}",
         "Lava has no such neuron; the emitted program brings its own process, which simulates it "
         "exactly.",
         "train with hard reset if you need Lava's own neuron", "Leaky(reset_mechanism='subtract')",
         "LIFNode(v_reset=0.0)"),
    Rule("NC606", "net-not-written", "note",
         "no .net file: {reason}",
         "lava-dl's netx reads plain chains of dense and convolutional hard-reset layers.",
         "run the emitted Lava program instead", "a network with a skip path", "a plain chain"),
    Rule("NC607", "sample-gate", "note",
         "`{projection}` reaches the next tick: at a sample's end its spikes are dropped by {program}",
         "A spike of a sample's last tick would arrive in the next sample; in the model each sample "
         "starts anew. Lava has no such gate; the emitted program brings its own process.",
         "nothing to do in simulation; on silicon pause between samples", "a recurrent layer",
         "a feed-forward network"),
    Rule("NC611", "ranc-not-expressible", "error",
         "RANC cannot express {what}: {count} in all, first at core {core}{place}",
         "RANC's simulator knows two resets, delays of 1 to 15 ticks and no randomness; a negative "
         "threshold always resets.",
         "keep neurocompile's own file, whose simulator has all modes",
         "a neuron without reset", "neurons whose floor no sum can reach"),
    Rule("NC612", "no-compiler", "error",
         "the simulator's C kernel cannot be compiled: {reason}",
         "It is optional: numba gives the same numbers, somewhat slower.",
         "install a C compiler or name one by CC, or use the engine `numba`",
         "--engine c without a compiler", "--engine numba"),
    Rule("NC613", "core-network-range", "error",
         "the core network is none: {reason}",
         "The simulator reads and writes by the numbers of a core network, so all of them are checked "
         "first: shapes, types and ranges.",
         "correct the array that the message names; `docs/truenorth_file.md` lists all ranges",
         "a neuron that sends to axon 256", "a neuron that sends to axon 255"),
    Rule("NC614", "ranc-not-written", "note",
         "no ranc.json: {reason}",
         "RANC's simulator reads JSON of every synapse; what it cannot express is refused by name.",
         "the simulator runs every network; `neurocompile ranc BUILD -o net.json` writes large ones",
         "a network of 100 cores", "a network of 10 cores of neurons without memory"),
)

TRAINING = (
    Rule("NC621", "layer-left", "warning",
         "`{layer}` is left as it is: {reason}",
         "Weights on the grid are written back where one tensor of the model carries them all, and "
         "float32 and the chip hold the same numbers.",
         "let a gain be a power of two (tau=2.0, AvgPool2d(2)), and a threshold a short binary number "
         "(1.0)", "conv, average pool, neuron", "average pool, conv, neuron"),
    Rule("NC622", "layer-rounded", "error",
         "`{module}` is rounded although it was written on the grid: {count} of {weights} weights",
         "A written layer must come out of lowering and quantization as the integers it was made of.",
         "please report it with the command line", "", ""),
    Rule("NC623", "not-trainable", "error",
         "`tune` cannot train for {target}: {reason}",
         "Training runs forward through the chip's integers, whose thresholds must not depend on what "
         "is trained.",
         "choose another target; `quantize` writes weights for any",
         "tune --target truenorth", "tune --target loihi2"),
)

FIDELITY = (
    Rule("NC701", "quantization-mismatch", "warning",
         "`{module}`: on {inputs} {share} of its spikes differ by its own rounding, fed with the "
         "float network's spikes ({counts} of its counts end to end; limit {limit}): {cause}",
         "An integer population moves the spikes whose potentials lie near the threshold. Above "
         "--max-loss it is an error: what is deployed would not be the network that was trained.",
         "more weight bits, another --encoder, or training on the chip's grid",
         "3-bit weights", "8-bit weights"),
    Rule("NC705", "amplified-rounding", "note",
         "`{module}`: {share} of spikes differ end to end ({counts} of counts), but {local} by its own "
         "rounding; in the float network with weights in float16 {float16} differ",
         "A deep spiking network amplifies any difference: a spike that is moved moves others. The "
         "yardstick is what a cast to float16 does to the same network.",
         "compare the accuracy on your test set: it is what such differences can be judged by",
         "the last of ten populations of a network of one tick", "a network of two populations"),
    Rule("NC702", "tick-mismatch", "error",
         "`{population}` differs at sample {sample}, tick {tick}, neuron {neuron}: reference "
         "{expected}, {program} {found}",
         "The deployed program must emit the reference's spikes, all of them, in the same tick.",
         "it is a bug in neurocompile: please report it with what `build --no-verify` writes",
         "a program with one weight changed", "the program as emitted"),
    Rule("NC703", "silent-verification", "warning",
         "`{population}` emitted no spike on these samples: nothing was proved for it",
         "Silent populations always agree.",
         "verify with samples on which the network is active", "", ""),
    Rule("NC707", "potential-saturates", "note",
         "the potential of `{module}` saturates for some inputs: on {inputs} in {count} of {total} "
         "neuron-ticks",
         "Sums without a leak reach further than any register. Where a proof that none overflows takes "
         "more than a bit of the weights, the scale rests on the potentials of the sample instead; the "
         "chip, the reference and Lava clip alike.",
         "--overflow prove, which takes those bits", "", ""),
    Rule("NC706", "input-clipped", "warning",
         "{count} of {total} values of `{input}` are beyond what the build was made for",
         "Ranges of inputs come from the sample of the build or from --input-range; the host clips "
         "what lies beyond, so a neuron may spike otherwise than in the model.",
         "build with a sample that has such values, or with --input-range",
         "images of 0 to 255 for a build on images of 0 to 1", "images of 0 to 1"),
    Rule("NC704", "build-damaged", "error",
         "`{file}` of the build does not match its manifest",
         "A build directory is used only as it was written.",
         "build again", "a build with weights.npz changed", "a build as written"),
)

INTERNAL = (
    Rule("NC901", "broken-promise", "error",
         "pass `{stage}` broke `{predicate}`: {detail}",
         "A pass's result failed the checks that must hold after it: a bug in neurocompile.",
         "please report it with the command line", "", ""),
    Rule("NC902", "internal-error", "error",
         "{error}; the traceback is in `{path}`",
         "An error that neurocompile did not expect: a bug.",
         "please report it with the saved traceback", "", ""),
)
