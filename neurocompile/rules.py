"""The catalog of rules: what each diagnostic code means, why it matters and what to do.

Codes are never reused or renumbered. Blocks: 0xx usage, configuration, input files; 1xx capture
and event-driven legality; 2xx neuron models; 3xx numbers; 4xx capacity; 5xx placement and
routing; 6xx emission; 7xx fidelity; 9xx internal.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One documented rule; `message` is a format string over a finding's values."""

    code: str
    name: str
    severity: str  # "error", "warning" or "note"
    message: str
    why: str
    fix: str
    illegal: str = ""  # the smallest example that breaks it
    legal: str = ""  # its nearest legal neighbor


_INPUT = (
    Rule("NC001", "unknown-target", "error",
         "no target `{name}`; known: {known}; did you mean `{close}`?",
         "A target is a chip description that ships with neurocompile, or a TOML file of yours.",
         "name a target that `neurocompile targets` lists, or the path of a TOML file",
         "neurocompile check net.onnx --target loihi3",
         "neurocompile check net.onnx --target loihi2"),
    Rule("NC002", "bad-config", "error",
         "`{path}`: {error} at `{key}`",
         "A misspelled key that is silently ignored changes a result unseen, so every key of a "
         "configuration or target file must be known and of the right type.",
         "correct the key; `neurocompile targets loihi2 --format toml` shows a complete target",
         "[tool.neurocompile]\ntargte = \"loihi2\"",
         "[tool.neurocompile]\ntarget = \"loihi2\""),
    Rule("NC003", "corrupt-input", "error",
         "`{file}` cannot be read as {kind}: {reason}",
         "The file is damaged, truncated or of another kind than its name says.",
         "write the file again, or name the right one",
         "neurocompile check empty.onnx", "neurocompile check net.onnx"),
    Rule("NC004", "too-large", "error",
         "`{file}` would expand to {needed} B; the limit is {limit} B",
         "A small file can describe tensors of any size; sizes are checked before allocation.",
         "check where the file comes from",
         "a 2 KB state_dict whose tensor is expanded to 10^12 elements",
         "the same tensor saved after .contiguous()"),
    Rule("NC006", "output-unwritable", "error",
         "`{path}` is not usable as a build directory: {reason}",
         "A build replaces its directory as a whole, so a directory that neurocompile did not "
         "write is never touched.",
         "name another directory with -o, or pass --force to replace it",
         "neurocompile build net.onnx -o ~/documents",
         "neurocompile build net.onnx -o build"),
    Rule("NC007", "missing-input", "error",
         "cannot find {what}: {reason}",
         "The model, its architecture or its sample is named on the command line or in the "
         "configuration.",
         "check the spelling and the working directory",
         "neurocompile check nets:mkae", "neurocompile check nets:make"),
    Rule("NC008", "bad-sample", "error",
         "the sample `{file}` does not fit the model: {reason}",
         "Samples are `.npz` files with an array `x` of shape (samples, *the model's input shape "
         "without its batch axis), finite floating point numbers.",
         "save it with `numpy.savez(path, x=images)`",
         "np.savez('s.npz', x=np.zeros((4, 784)))  # for a model that takes (1, 28, 28)",
         "np.savez('s.npz', x=np.zeros((4, 1, 28, 28)))"),
    Rule("NC009", "bad-option", "error",
         "`{option}` cannot be {value}: {reason}",
         "An option outside its range would fail later and less clearly.",
         "choose a value in the range that the message names",
         "neurocompile build net.onnx --weight-bits 12",
         "neurocompile build net.onnx --weight-bits 8"),
    Rule("NC012", "unused-ignore", "warning",
         "ignore of {code} for `{module}` matched nothing",
         "An ignore that no longer matches hides the next finding of that kind.",
         "remove the entry from the configuration",
         "[[tool.neurocompile.ignore]]\ncode = \"NC312\"\nmodule = \"gone.*\"\nreason = \"old\"",
         "(the entry removed)"),
    Rule("NC020", "no-calibration", "error",
         "tokens or ticks cannot be pruned without a sample",
         "Those with the fewest spikes are dropped, and spikes are counted on a sample.",
         "pass inputs of the training set with --sample",
         "neurocompile build net.onnx --prune-tokens 0.25",
         "neurocompile build net.onnx --prune-tokens 0.25 --sample train.npz"),
    Rule("NC021", "no-token-axis", "error",
         "there is no axis of tokens to prune: {reason}",
         "Tokens are what token mixing works on: an axis that matrices mix beside other axes, that "
         "all other layers keep side by side, and that leaves the network by its mean.",
         "leave out --prune-tokens, or average over the tokens in front of the head",
         "head(mixer(tokens).flatten(1))", "head(mixer(tokens).mean(-1))"),
    Rule("NC022", "ticks-read-singly", "error",
         "ticks cannot be pruned: output `{output}` reads {reads}",
         "Without some of its ticks a network has the outputs of the others only; a sum or mean "
         "over ticks is estimated from those that are left.",
         "leave out --prune-steps, or average the output over time",
         "return head(spikes)  # [ticks, batch, classes]", "return head(spikes).mean(0)"),
    Rule("NC023", "build-grew", "error",
         "{resource} grew from {old} to {new}; at most {limit} % more are allowed",
         "A pipeline that allows a share of growth from build to build fails where a change takes "
         "more of the chip than was meant.",
         "find the population that grew in the comparison, or raise --fail-on-growth",
         "neurocompile report --diff old new --fail-on-growth 5  # 40 -> 60 cores",
         "neurocompile report --diff old new --fail-on-growth 5  # 40 -> 41 cores"),
)

_CAPTURE = (
    Rule("NC101", "unsafe-pickle", "error",
         "`{file}` holds pickled Python ({classes}), which would run code stored in the file",
         "Loading a pickled module runs whatever code its author put into it.",
         "torch.save(model.state_dict(), ...) and name its architecture with --arch pkg.mod:make; "
         "or neurocompile.export(model, example, \"model.onnx\") where the model lives; or, if you "
         "wrote the file yourself, --trust-pickle",
         "torch.save(model, 'model.pt')", "torch.save(model.state_dict(), 'model.pt')"),
    Rule("NC102", "export-failed", "error",
         "torch.export could not trace `{module}`: {reason}",
         "The network is read from the program that torch.export makes of it.",
         "make the named line traceable: no Python values taken from tensors, static shapes",
         "x = x * float(x.mean())", "x = x * x.mean()"),
    Rule("NC104", "data-dependent-control", "error",
         "`{module}` branches on a tensor's value: {reason}",
         "A chip's synapses are fixed before the first spike; no value can choose between them.",
         "decide the branch from shapes or constructor arguments, not from data",
         "if x.sum() > 0: x = self.a(x)", "if self.use_a: x = self.a(x)"),
    Rule("NC105", "replay-mismatch", "error",
         "the {who} differs from the model on call {call}, output {output}: {different} of {total} "
         "values; first at {index}: {expected} expected, {found} found",
         "A captured network is only worth compiling when it computes exactly what the model "
         "computes, twice in a row.",
         "reset the model's state before capture; if a neuron class is a subclass that overrides "
         "forward, it is not the class neurocompile knows",
         "capture of a model whose neurons still hold a membrane potential",
         "capture after reset_net(model)"),
    Rule("NC106", "silent-replay", "warning",
         "`{module}` emitted no spike on the example input: the replay proves nothing for it",
         "A silent network equals any other silent network.",
         "pass an example input (--sample) on which every layer fires",
         "neurocompile.export(net, torch.zeros(1, 1, 28, 28), 'net.onnx')",
         "neurocompile.export(net, images[:4], 'net.onnx')"),
    Rule("NC107", "stale-state", "error",
         "`{module}` starts from a membrane potential other than {expected}: {found}",
         "A state left over from an earlier call would be baked into the network.",
         "reset the model's state before capture",
         "net(x); capture(net, x)", "net(x); reset_net(net); capture(net, x)"),
    Rule("NC108", "rounding-ties", "warning",
         "{different} of {spikes} spikes differ between the model in PyTorch and its saved graph in "
         "onnxruntime: {reason}",
         "Sums are added up in another order there, and some potentials lie on their threshold "
         "within rounding.",
         "nothing to do; weights that are sums of powers of two would have no ties",
         "a membrane potential that is 1.0 in one order of additions and 0.9999999 in another",
         "a membrane potential of 0.98"),
    Rule("NC109", "unsupported-format", "error",
         "`{file}` is {kind}, which is not read",
         "Only formats that keep the neurons' semantics and load without running code are read.",
         "write `.onnx` with neurocompile.export, or save a state_dict and name its --arch",
         "torch.jit.save(torch.jit.script(net), 'net.pt')", "neurocompile.export(net, x, 'net.onnx')"),
    Rule("NC110", "unsupported-op", "error",
         "`{op}` in `{module}` has no spiking or linear form ({reason})",
         "Between two populations there can only be static synapses: a linear map.",
         "replace the operator by a linear one, or put it before the first or after the last neuron",
         "self.fc2(torch.sin(self.lif1(x)))", "self.fc2(self.lif1(x))"),
    Rule("NC111", "unrecognized-neuron", "error",
         "`{module}` is a {cls}, which neurocompile cannot read exactly: {reason}",
         "A neuron that is read wrongly changes spikes without a word.",
         "use a class of docs/neurons.md, or declare it with @neurocompile.neuron",
         "class MyLIF(LIFNode): def forward(self, x): ...", "LIFNode(tau=2.0)"),
    Rule("NC112", "steps-differ", "error",
         "tick {tick} of `{module}` computes something else than tick {other}: {what}",
         "A chip repeats one network every tick; a loop whose rounds differ is not one network.",
         "make the loop's body the same in every round",
         "for t in range(T): s, v = lif(fc(x) * t, v)", "for t in range(T): s, v = lif(fc(x), v)"),
    Rule("NC113", "unclear-axes", "error",
         "`{module}` gets its input with time or batch in an unclear place: {reason}",
         "Time and batch are removed before a network is laid out; each must be one whole axis.",
         "keep (time, batch, ...) at the front of what reaches a neuron",
         "lif(x.transpose(0, 2))", "lif(x)"),
    Rule("NC114", "unproved-graph", "error",
         "the graph of `{name}` was captured without the replay that proves it equal to the model",
         "A check needs shapes only; a build promises the model's spikes, so what it starts from "
         "must be proved.",
         "capture it with neurocompile.export(model, example, \"net.onnx\"), which proves it",
         "build(capture(net, x, prove=False), 'build')", "build(capture(net, x), 'build')"),
    Rule("NC115", "unsafe-archive", "error",
         "`{file}` is refused: {reason}",
         "A torch.export archive can make its loader run code, read other files or take any amount "
         "of memory; only plain tensors, static shapes and operators of torch itself are passed "
         "on.",
         "write it again with torch.export.save(torch.export.export(model, (x,)), ...), with static "
         "shapes and on the CPU",
         "an archive whose weights are stored as pickles", "torch.export.save(program, 'net.pt2')"),
    Rule("NC116", "nir-option", "error",
         "`{file}` does not say {what}: pass {option}",
         "NIR describes neurons in continuous time. The tick, the reset and the order of operations "
         "decide every spike, and each simulator has its own.",
         "pass the option; a file that `neurocompile export` wrote needs none",
         "neurocompile check net.nir",
         "neurocompile check net.nir --nir-producer snntorch --nir-reset soft"),
    Rule("NC117", "lossy-export", "warning",
         "NIR cannot say {what} of `{module}`{consequence}",
         "NIR has continuous time, one kind of reset and one comparison; other readers of the file "
         "do what they do. neurocompile itself reads the missing part from the file's metadata.",
         "set it in the other tool, or hand over the .onnx file",
         "LIFNode(v_reset=None)  # soft reset", "Leaky(reset_mechanism='zero')"),
    Rule("NC118", "unsupported-node", "error",
         "`{file}` holds a `{kind}` ({where}), which is not read: {reason}",
         "A node that is skipped or read as something else changes spikes without a word.",
         "write the file without it, or capture the PyTorch model that it was made from",
         "a NIR node of type Conv3d; a .net layer of sigma-delta neurons",
         "a NIR node of type Conv2d; a .net layer of CUBA neurons"),
    Rule("NC119", "bad-neuron-declaration", "error",
         "the declaration of `{cls}` as a neuron is wrong at `{key}`: {error}",
         "A declared neuron is read by its equations, so they and their constants must be there.",
         "write equations as in `v = decay * v + x`, `s = v >= v_th`, and give each constant as a "
         "number or as the name of an attribute",
         "@neurocompile.neuron('s = v >= v_th', tau=2.0)",
         "@neurocompile.neuron('v = v + x\\ns = v >= v_th', v_th=1.0)"),
)

_LEGALITY = (
    Rule("NC120", "dynamic-product", "error",
         "`{op}` multiplies two values that both depend on spikes",
         "A synapse adds a stored weight when a spike arrives. A product of two spike trains needs "
         "both at once and has no stored weight: spiking self-attention (Q·Kᵀ, attention·V) cannot "
         "run event-driven (STMixer, NeurIPS 2024).",
         "replace the attention by static token mixing (STMixer, SMixer): a learned matrix over "
         "tokens, `neurocompile.nn.TokenMixer`",
         "attn = q_lif(q) @ k_lif(k).transpose(-2, -1)",
         "mixed = self.mixer(v_lif(v))  # neurocompile.nn.TokenMixer(tokens, heads)"),
    Rule("NC121", "spike-mask", "error",
         "`{op}` masks one spike-dependent value by another",
         "An elementwise product of spikes is an AND of two events in the same tick; no static "
         "synapse computes it (SDT and QKFormer masks, SEMM routers, SEW AND/IAND).",
         "add the branches instead of multiplying them, or feed both to a neuron with static "
         "weights; in place of attention mix tokens by `neurocompile.nn.TokenMixer`",
         "y = q_lif(q) * k_lif(k)", "y = lif(q_w * sq + k_w * sk)"),
    Rule("NC122", "max-pool", "error",
         "max-pooling of {what} with window {window}",
         "A maximum over spikes is an OR whose result depends on when each spike arrives; a maximum "
         "over currents is not linear at all (STMixer, NeurIPS 2024, figure 1).",
         "use a convolution of stride 2, or average pooling",
         "x = self.pool(lif(x))  # MaxPool2d(2)", "x = self.conv(lif(x))  # Conv2d(stride=2)"),
    Rule("NC123", "opaque-between-spikes", "error",
         "`{op}` stands between spikes",
         "Softmax, normalization over data, activations, division and roots of spike-dependent "
         "values are not linear: no synapse computes them.",
         "remove the operator or replace it by a spiking neuron; BatchNorm in eval mode is fine",
         "lif2(torch.softmax(fc(lif1(x)), -1))", "lif2(bn(fc(lif1(x))))"),
    Rule("NC124", "float-residual", "error",
         "a sum of {branches} weighted branches reaches the synapse `{op}` without a neuron between",
         "A joined membrane current is a number, not an event; sending it on would take graded "
         "messages from every neuron in every tick.",
         "put a neuron before the convolution (pre-activation, as in Spikingformer)",
         "y = conv2(conv1(s) + x_current)", "y = conv2(lif(conv1(s) + x_current))"),
    Rule("NC125", "integer-residual", "error",
         "a sum of {branches} spike trains (0..{levels}) reaches the synapse `{op}` without a "
         "neuron between",
         "Adding spikes makes integers 0, 1, 2 ..., not events (Spikformer, SEW ADD).",
         "put a neuron before the synapse (as in Spikingformer)",
         "y = conv(lif1(x) + lif2(x))", "y = lif3(conv1(s1) + conv2(s2))"),
    Rule("NC126", "mixed-ticks", "error",
         "`{op}` mixes ticks before a neuron",
         "What a neuron receives must come from the same tick, or as feedback from the tick before: "
         "attention or a mean over time would have to wait for the last tick.",
         "move the mean over time behind the last neuron, or use a neuron that integrates",
         "lif2(fc(lif1(x).mean(0)))", "fc(lif2(fc1(lif1(x)))).mean(0)"),
    Rule("NC127", "data-dependent-selection", "error",
         "`{op}` selects by value (sort, top-k, gather by spikes)",
         "A selection made from the data needs all values at once and rewires synapses at run time "
         "(dynamic token pruning).",
         "select a fixed set from calibration data before building",
         "x = x[topk(scores).indices]", "x = x[self.kept_tokens]"),
    Rule("NC128", "tick-bias", "error",
         "`{module}` needs a constant current of up to {value} in every tick",
         "Without a global tick there is no moment to add a bias at; where the neuron leaks as well, "
         "not even a current in continuous time gives the same spikes.",
         "build for a tick-synchronous chip (--timing tick), or train without biases",
         "Conv2d(bias=True) with --timing async", "Conv2d(bias=False) with --timing async"),
    Rule("NC129", "opaque-readout", "error",
         "output {output} is neither spikes nor linear in spike counts: `{op}`",
         "What a chip hands out is spikes; the host can add, scale and average their counts exactly.",
         "return the linear readout itself, and apply the rest in your own code",
         "return torch.softmax(head(s).mean(0), -1)", "return head(s).mean(0)"),
    Rule("NC130", "no-neurons", "error",
         "the model has no neuron that neurocompile knows",
         "There is nothing to put on a chip.",
         "use neurons of a supported framework, or check that the model imports the one you trained",
         "nn.Sequential(nn.Linear(784, 10), nn.ReLU())", "nn.Sequential(layer.Linear(784, 10), LIFNode())"),
    Rule("NC131", "composed-synapse", "note",
         "`{projection}` stores {after} weights; the operators it is composed of hold {before}",
         "A straight linear chain without a neuron is one synapse; composing it is exact but can "
         "store more weights.",
         "if memory binds, put a neuron between them or pool with the convolution's stride",
         "fc(avgpool(lif(x)))", "fc(lif(conv_stride2(lif(x))))"),
    Rule("NC132", "composed-chain", "note",
         "`{op}` ends a chain without a neuron: about {after} synapses as one, {before} as layers",
         "Composing a chain is exact, but one synapse can need more connections than its layers. "
         "Shown with --allow compose-linear, estimated from shapes.",
         "if memory binds, put a neuron between the layers",
         "conv3x3(conv3x3(lif(x)))  # --allow compose-linear", "conv3x3(lif(conv3x3(lif(x))))"),
    Rule("NC133", "residual-distributed", "note",
         "a sum of {branches} branches reaches `{op}`: as one projection a branch it takes about "
         "{synapses} more synapses and {axons} more axons",
         "W(a + b) = Wa + Wb: a synapse behind a sum is exactly one synapse for each branch. "
         "With --allow residual-distribution `check` prices it and `build` makes them.",
         "put a neuron before the synapse to save them",
         "y = conv(lif1(x) + lif2(x))  # --allow residual-distribution",
         "y = conv(lif3(s1 + s2))"),
    Rule("NC134", "or-pool", "note",
         "max-pooling of spikes with window {window} as {neurons} OR neurons: {synapses} more "
         "synapses, {axons} more axons, {ticks} more tick",
         "Inside one exact tick the maximum of binary spikes is an OR: a neuron that fires on any "
         "input. Every parallel path waits a tick. With --allow or-pool `check` prices it and "
         "`build` makes these neurons, never with --timing async.",
         "use a convolution of stride 2 to save them",
         "x = self.pool(lif(x))  # --allow or-pool", "x = self.conv(lif(x))  # Conv2d(stride=2)"),
    Rule("NC135", "coincidence-gate", "note",
         "`{op}` of two spike trains as {neurons} AND neurons: {synapses} more synapses, {axons} "
         "more axons, {ticks} more tick",
         "A product of two binary spikes is an AND: a neuron without memory and of threshold 2. "
         "Both paths must have equal delays. With --allow coincidence-gates `check` prices it and "
         "`build` makes these neurons, never with --timing async.",
         "add the branches instead of multiplying them to save them",
         "y = q_lif(q) * k_lif(k)  # --allow coincidence-gates",
         "y = lif(q_w * sq + k_w * sk)"),
    Rule("NC136", "leak-timestamps", "note",
         "{count} populations leak, the first `{module}`: each neuron needs the time since its last "
         "event",
         "Without a global tick a leak is made up for at the next event, `v * decay^dt`, so every "
         "event needs a timestamp. That is exact as long as nothing else drives the neuron "
         "between events (NC128).",
         "use neurons without leak (IF), or a chip with timestamps or a tick",
         "LIFNode(tau=2.0) with --timing async", "IFNode() with --timing async"),
    Rule("NC137", "analog-host", "note",
         "{count} populations get the network's analog input, the first `{module}`: a host must "
         "turn it into events",
         "A direct-coded image is a constant current in every tick, which a chip without a global "
         "tick does not have.",
         "use event data (a DVS), or encode the input as spikes on the host",
         "lif(conv(image)) with --timing async", "lif(conv(events)) with --timing async"),
    Rule("NC138", "host-operator", "note",
         "`{op}` acts on the analog input before any known neuron: only a host can compute it",
         "Before the first neuron there are no events, so nothing there is illegal; but `build` "
         "takes linear encoders only, and a body of unknown neurons is all before the first one.",
         "do it to the data, before the model; or check that your neurons are ones neurocompile "
         "knows",
         "lif(conv(maxpool(image)))", "lif(conv_stride2(image))"),
    Rule("NC139", "pruned", "note",
         "pruned to {what}: {neurons} of {of_neurons} neurons, {synapses} of {of_synapses} "
         "synapses are left",
         "Those that carry the fewest spikes in front of the first block, over the sample, are "
         "dropped for every input; the network's answers change.",
         "compare the accuracy before and after in fidelity.json; train further with the same "
         "tokens and ticks if it is too low",
         "neurocompile build net.onnx --prune-tokens 0.9 --sample train.npz",
         "neurocompile build net.onnx --prune-tokens 0.25 --sample train.npz"),
    Rule("NC140", "shared-stream", "note",
         "`{module}` and others receive one sum of branches, built as {taken}: {reason}; as "
         "duplicate synapses {duplicate_synapses} synapses, {duplicate_synapse_memory} bit and "
         "{duplicate_latency} ticks of latency, with adders {adder_synapses}, "
         "{adder_synapse_memory} bit and {adder_latency} ticks",
         "A membrane shortcut is a sum that many populations receive. Each can have the synapses of "
         "all branches, or a population of adders sums them once and sends graded spikes.",
         "nothing to do; --streams duplicate or --streams adder takes the other form",
         "y = x + conv1(lif1(x)); z = y + conv2(lif2(y))", "z = conv2(lif2(conv1(lif1(x))))"),
)

_NEURONS = (
    Rule("NC201", "no-normal-form", "error",
         "`{module}` ({profile}) is no neuron of a chip: {reason}",
         "A chip's neuron is a leaky sum of its input with one threshold and a reset that sets or "
         "subtracts; other dynamics give other spikes.",
         "train with a neuron of that kind, such as LIFNode or Leaky",
         "sinabs.layers.IAF()  # several spikes a tick",
         "sinabs.layers.IAF(spike_fn=SingleSpike)"),
    Rule("NC202", "reset-mode", "error",
         "`{module}` resets {mode}; {target} offers {modes}",
         "Hard and soft reset give different spikes; one cannot stand in for the other.",
         "train with hard reset, or build for a target with neuron programs (loihi2)",
         "Leaky(reset_mechanism='subtract') on loihi1", "Leaky(reset_mechanism='zero') on loihi1"),
    Rule("NC203", "per-neuron-parameter", "error",
         "`{param}` of `{module}` has {count} values; {target} holds {limit} per population",
         "A population's neurons share their decay and threshold registers.",
         "train with one shared value",
         "Leaky(beta=torch.rand(100))", "Leaky(beta=0.9)"),
    Rule("NC204", "decay-range", "error",
         "`{module}` keeps {value} of its {state} per tick; {target} can keep {low} to {high}",
         "Decays are 12-bit fractions below one.",
         "train with a decay in the range",
         "Leaky(beta=1.2)", "Leaky(beta=0.9)"),
    Rule("NC205", "delay-range", "error",
         "`{projection}` needs a delay of {value} ticks; {target} holds {limit}",
         "A skip path waits for the longest path, in a synaptic delay; beyond that relay neurons "
         "carry its spikes (NC207), but not graded ones.",
         "shorten the skip path, or add a neuron on it; or send the input by another --encoder",
         "graded input over a skip of 70 layers on loihi2",
         "graded input over a skip of 60 layers on loihi2"),
    Rule("NC206", "analog-input", "error",
         "`{module}` gets real-valued input by `{encoder}`; {reason}",
         "An image reaches a chip as a constant current of the first population, as graded spikes, "
         "or as the spikes of a population that runs on the host.",
         "choose another --encoder: bias, graded or host",
         "--encoder graded on loihi1", "--encoder bias on loihi1"),
    Rule("NC207", "relays", "note",
         "spikes of `{source}` wait {value} ticks, {target} holds {limit}: {count} relay "
         "populations, {neurons} neurons and {synapses} synapses more",
         "A relay fires on each spike it gets, so a path can wait longer than a synaptic delay. It "
         "changes no spike.",
         "shorten the skip path to save them",
         "a skip over 70 layers on loihi2", "a skip over 60 layers on loihi2"),
    Rule("NC208", "gate-memory", "error",
         "`{module}` must forget its potential in every tick, but up to {needed} may stay; {target} "
         "forgets no more than {limit}",
         "The largest decay divides a potential by 4096, rounded toward zero; weights and threshold "
         "of a neuron without memory must be small enough for that.",
         "use more weight bits, or a neuron with a leak below one",
         "a product of two spikes with --weight-bits 2", "a product of two spikes with 8-bit weights"),
    Rule("NC209", "readout-on-host", "warning",
         "readout `{readout}` stays on the host: {reason}",
         "A chip adds a readout up in the potential of neurons that never fire: one sum over all "
         "ticks of a sample, in 24 bits, without overflow for any input.",
         "--readout auto or host, or fewer ticks or neurons in one sum",
         "return head(s)  # a value a tick, with --readout chip",
         "return head(s).mean(0)"),
    Rule("NC210", "no-adders", "error",
         "`--streams adder` cannot be had: {reason}",
         "An adder sums the branches of a stream and sends the sum as a graded spike, with a neuron "
         "program of its own.",
         "--streams duplicate, or a target with graded spikes and neuron programs",
         "--streams adder on loihi1", "--streams adder on loihi2"),
)

_NUMBERS = (
    Rule("NC301", "weight-grid", "error",
         "`{projection}` holds {count} weights off the grid, the first {first}; {target} stores "
         "{allowed}",
         "A synapse stores a few bits of weight, and its list one sign mode.",
         "quantize the network for this target", "an odd weight among weights of both signs",
         "even weights of both signs"),
    Rule("NC302", "weight-saturation", "warning",
         "{share} of the weights of `{projection}` clip at the {bits}-bit grid's end",
         "Clipping trades the largest weights for a finer grid.",
         "more weight bits, or a training penalty on large weights",
         "one weight 100 times the rest", "weights of similar size"),
    Rule("NC303", "accumulator-overflow", "error",
         "`{module}` can reach {needed} in {register}; {target} holds {limit} (a bound, not a sample)",
         "A register that overflows changes spikes; the bound holds for every input.",
         "fewer weight bits (--weight-bits), a smaller fan-in, or fewer ticks",
         "20,000 inputs of weight 254", "400 inputs of weight 254"),
    Rule("NC304", "decay-resolution", "warning",
         "decay {value} of `{module}` becomes {fixed} ({state}); over {ticks} ticks it drifts by "
         "{drift}",
         "Decays have 12 bits.",
         "train with a decay that is a multiple of 1/4096",
         "Leaky(beta=0.99999)", "Leaky(beta=0.9)"),
    Rule("NC305", "threshold-range", "error",
         "the threshold of `{module}` needs mantissa {needed}; {target} holds 1 to {limit}",
         "Thresholds are positive 17-bit mantissas, in units of 64.",
         "scale the weights or the threshold",
         "v_threshold=0.0", "v_threshold=1.0"),
    Rule("NC306", "bias-range", "error",
         "a bias of `{module}` needs {needed}; {target} holds up to {limit}",
         "Biases are 13-bit mantissas with an exponent of at most 7.",
         "normalize the input, or train with smaller biases",
         "a BatchNorm shift 500 times the threshold", "a BatchNorm shift near the threshold"),
    Rule("NC307", "not-finite", "error",
         "`{name}` holds {count} values that are not finite; the first at index {index}",
         "NaN and infinity have no place on a chip, and mean that training diverged.",
         "train again, or load another checkpoint",
         "a weight that is NaN", "finite weights"),
    Rule("NC308", "weight-exponent", "error",
         "`{projection}` has the weight exponent {value}; {target} holds 0 to {limit}",
         "All weights of a projection share one exponent, which shifts the sum they deliver.",
         "quantize the network for this target", "a weight exponent of 8", "one of 7"),
    Rule("NC309", "message-bits", "error",
         "`{module}` sends values up to {needed}; a spike of {target} carries up to {limit}",
         "A graded spike has a payload of fixed width; on some chips it has none.",
         "use fewer levels, or another --encoder",
         "an image sent as graded spikes on loihi1", "an image sent as graded spikes on loihi2"),
    Rule("NC312", "dead-or-saturated", "warning",
         "`{module}` fires in {share} of its neuron-ticks on the sample",
         "A population that never or always fires carries no information.",
         "check the sample's scale against the training data",
         "an image of 0..255 for a net trained on 0..1", "an image of 0..1"),
)

_CAPACITY = (
    Rule("NC401", "synapse-memory", "error",
         "core {core} needs {needed} bit of synapse memory; a {target} core holds {limit} bit",
         "Synapse lists live in the core's own memory.",
         "fewer weight bits, or a larger target", "a core filled past its memory", "a core filled to its memory"),
    Rule("NC402", "input-axons", "error",
         "core {core} needs {needed} input axons; a {target} core has {limit}",
         "Every source neuron that reaches a core takes one of its input axons.",
         "fewer distinct inputs per core", "4,097 sources on one core", "4,096 sources on one core"),
    Rule("NC403", "output-axons", "error",
         "core {core} needs {needed} output axons; a {target} core has {limit}",
         "A neuron takes one output axon for each core it sends to.",
         "fewer destination cores per neuron", "4,097 destinations from one core",
         "4,096 destinations from one core"),
    Rule("NC404", "core-neurons", "error",
         "core {core} holds {needed} neurons; a {target} core has {limit}",
         "A core's neuron states live in its own memory.",
         "spread the population over more cores", "1,025 neurons on a loihi1 core",
         "1,024 neurons on a loihi1 core"),
    Rule("NC405", "neuron-indivisible", "error",
         "one neuron of `{module}` needs {needed} {unit} ({resource}); an empty {target} core holds "
         "{limit}",
         "A neuron cannot be split over cores: no core adds up what another received.",
         "use fewer inputs for it: group the convolution or split the layer with neurons between",
         "a dense layer of 5,000 inputs on loihi1", "a dense layer of 4,000 inputs on loihi1"),
    Rule("NC410", "cores-exceeded", "error",
         "the network needs {needed} cores (at least {bound} by any mapping); {target} has {limit}",
         "Every core of the largest system that the target describes is counted.",
         "a smaller network, fewer weight bits, or a larger system in the target file",
         "a network of 20,000 cores", "a network of 100 cores"),
    Rule("NC411", "budget-exceeded", "error",
         "{resource}: {needed} needed, over the project's budget of {limit}",
         "The project's configuration or command line sets this budget.",
         "make the network smaller, or raise the budget",
         "--max-cores 10 for a network of 12 cores", "--max-cores 12"),
    Rule("NC421", "assumed-limit", "note",
         "the fullest core uses {share} of its {resource}; that limit, {limit} {unit} in `{path}`, is "
         "{confidence}",
         "What the vendor has not published is modeled; the target file names the source.",
         "put your own number into a copy of the target file",
         "a loihi2 core bound by synapse memory", "a loihi1 core bound by synapse memory"),
)

_MAPPING = (
    Rule("NC501", "no-placement-found", "error",
         "no placement was found for {needed} cores on {limit}",
         "The search gave up; this is no proof that none exists.",
         "use fewer cores, or a larger system", "", ""),
    Rule("NC504", "unsupported-recurrence", "error",
         "the cycle {path} has no delay between its populations",
         "On a chip every hop takes a tick; a loop within one tick cannot be built.",
         "take the feedback from the previous tick",
         "a population that needs its own spike of the same tick",
         "a population that gets its own spike of the previous tick"),
)

_EMISSION = (
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
)

_FIDELITY = (
    Rule("NC701", "quantization-mismatch", "warning",
         "`{module}`: {share} of spikes differ between the float model and the integer network",
         "Quantization moves thresholds by less than a weight step; spikes near them change.",
         "compare the accuracy on your test set; more weight bits or training with noise help",
         "3-bit weights", "8-bit weights"),
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
    Rule("NC704", "build-damaged", "error",
         "`{file}` of the build does not match its manifest",
         "A build directory is used only as it was written.",
         "build again", "a build with weights.npz changed", "a build as written"),
)

_INTERNAL = (
    Rule("NC901", "broken-promise", "error",
         "pass `{stage}` broke `{predicate}`: {detail}",
         "A pass's result failed the checks that must hold after it: a bug in neurocompile.",
         "please report it with the command line", "", ""),
    Rule("NC902", "internal-error", "error",
         "{error}; the traceback is in `{path}`",
         "An error that neurocompile did not expect: a bug.",
         "please report it with the saved traceback", "", ""),
)

RULES: dict[str, Rule] = {
    rule.code: rule
    for block in (_INPUT, _CAPTURE, _LEGALITY, _NEURONS, _NUMBERS, _CAPACITY, _MAPPING, _EMISSION,
                  _FIDELITY, _INTERNAL)
    for rule in block
}
