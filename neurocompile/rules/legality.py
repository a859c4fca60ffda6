"""Rules 1xx: capture and event-driven legality."""

from __future__ import annotations

from neurocompile.rules.rule import Rule

CAPTURE = (
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
         "where the model takes an input of other sizes, say them: --input 3x224x224, or 30xNx8 with N "
         "where the samples stand; else make the named line traceable: no Python values taken from "
         "tensors, static shapes",
         "x = x * float(x.mean())", "x = x * x.mean()"),
    Rule("NC103", "model-failed", "error",
         "`{module}` failed while neurocompile {doing}: {reason}",
         "What cannot be copied and run more than once cannot be compared with what is built.",
         "correct the named line: the model must run any number of times, each time alike",
         "def forward(self, x): sys.exit(0)", "def forward(self, x): return self.lif(self.fc(x))"),
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
         "neurocompile check net.nir --nir-producer spikingjelly --nir-dt 0.0001"),
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
    Rule("NC142", "lowering-mismatch", "error",
         "`{module}` computes otherwise once lowered ({place}): {expected} in the captured graph, "
         "{found} in the network, {different} such differences; {detail}",
         "The network that goes on the chip must decide every spike as the model does, on the same "
         "spikes of its sources, but for ties within float32's rounding.",
         "it is a bug in neurocompile: please report it with the model's graph (neurocompile export)",
         "a weight that is composed wrongly", "the network as lowered"),
    Rule("NC143", "lowering-ties", "note",
         "{different} decisions of `{module}` beside its {spikes} spikes turn with the order of "
         "additions: its potential lies on the threshold within rounding",
         "The model adds up in float32, the network that goes on the chip exactly; on a tie either "
         "decision is right.",
         "nothing to do; weights that are sums of powers of two are exact in every order",
         "a batch normalization whose output lies on the threshold",
         "potentials that are no neighbors of the threshold"),
    Rule("NC119", "bad-neuron-declaration", "error",
         "the declaration of `{cls}` as a neuron is wrong at `{key}`: {error}",
         "A declared neuron is read by its equations, so they and their constants must be there.",
         "write equations as in `v = decay * v + x`, `s = v >= v_th`, and give each constant as a "
         "number or as the name of an attribute",
         "@neurocompile.neuron('s = v >= v_th', tau=2.0)",
         "@neurocompile.neuron('v = v + x\\ns = v >= v_th', v_th=1.0)"),
)

LEGALITY = (
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
         "output {output} is no function of a sample's spikes: `{op}`",
         "What a chip hands out is spikes. The host computes outputs from them, each sample by itself; "
         "it knows no potential of a neuron that fires.",
         "return what is computed from the spikes of the last layer",
         "s, v = lif(fc(s)); return v", "s, v = lif(fc(s)); return s.mean(0)"),
    Rule("NC146", "output-dropped", "note",
         "output {output} is left out, since it is no function of a sample's spikes: `{op}`",
         "Potentials of neurons that fire stay on the chip, constants need none, and a mean over a "
         "batch is no property of a sample.",
         "nothing to do, if nobody wants it there; --outputs names those that are wanted",
         "return logits, spikes.mean()", "return logits"),
    Rule("NC147", "host-program", "note",
         "output {output} is computed on the host, by {operators} operators with {share} of the "
         "multiply-accumulates, from the spikes of each tick",
         "What follows the last neurons that fire is no business of a chip: leaky integrators, "
         "softmax, maxima over time. It becomes a program of the host, an ONNX file of the build.",
         "nothing to do; a sum or mean of spikes over time needs no such program",
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
    Rule("NC141", "fan-in-split", "warning",
         "a neuron of `{module}` has {needed} inputs; a core of {target} takes {limit}: {adders} "
         "adders sum a part of them",
         "A core receives each input through an axon of its own. Adders sum a part of the inputs and "
         "send the sum as a graded spike, a tick later; no spike of the network changes.",
         "nothing to do; fewer input channels, or a grouped convolution, need no adders",
         "nn.Conv2d(512, 512, 3)  # 4,608 inputs", "nn.Conv2d(448, 512, 3)  # 4,032 inputs"),
)
