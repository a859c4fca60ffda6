"""Configuration is strict: every key is known, of the right type, and found upwards."""

from __future__ import annotations

import os
import time
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from neurocompile.cli import run
from neurocompile.commands.models import Job, ModelOptions
from neurocompile.config import Ignore, load_config, unused_ignores
from neurocompile.config.schema import configuration_schema
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.families.table import declared_options
from neurocompile.families.targets import load_target
from neurocompile.input_sizes import InputSizes
from tests.config_files import INVALID
from tests.paths import EXAMPLES

LOIHI2 = load_target("loihi2")
FULL = """
baseline = "known.json"
target = ["loihi2", "my.toml"]
[models.digits]
entry = "nets:make"
args = { hidden = 20 }
weights = "w/digits.pt"
input = { shape = [1, 28, 28], ticks = 4 }
sample = "s.npz"
ticks = 8
targets = ["loihi1", "my.toml"]
max-cores = 64
max-chips = 2
max-synapses = 100000
encoder = "bias"
streams = "adder"
readout = "chip"
encoding = "auto"
weight-bits = 6
prune-tokens = 0.25
prune-steps = 0
allow = "or-pool"
fan-in = "exact-slow"
[[ignore]]
code = "NC312"
module = "head.*"
reason = "measured"
"""


def _write(folder: Path, text: str, name: str = "neurocompile.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_command_line_goes_before_the_configuration(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path, FULL))
    work = Job(spec="digits", entry=config.models[0], config=config, model=ModelOptions())
    options = work.options({}, LOIHI2)
    assert (options.encoder, options.streams, options.weight_bits) == ("bias", "adder", 6)
    assert options.encoding == "auto"
    assert work.options({"encoding": "shared"}, LOIHI2).encoding == "shared"
    options = work.options({"streams": "duplicate", "readout": "host", "prune_tokens": 0.0}, LOIHI2)
    assert (options.allow, options.fan_in) == (("or-pool",), "exact-slow")
    assert work.options({"fan_in": "group"}, LOIHI2).fan_in == "group"
    assert (options.streams, options.readout, options.prune_tokens) == ("duplicate", "host", 0.0)


def test_every_key_is_read(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path, FULL))
    (model,) = config.models
    assert config.targets == ("loihi2", str(tmp_path / "my.toml"))
    assert (model.name, model.entry, dict(model.args)) == ("digits", "nets:make", {"hidden": 20})
    assert model.weights == tmp_path / "w/digits.pt"
    assert model.sample == tmp_path / "s.npz"
    assert model.input == InputSizes((4, 1, 28, 28), samples=1)
    assert model.ticks == 8
    assert dict(model.options) == {
        "max_cores": 64, "max_chips": 2, "max_synapses": 100_000, "encoder": "bias",
        "streams": "adder", "readout": "chip", "encoding": "auto", "weight_bits": 6,
        "prune_tokens": 0.25, "prune_steps": 0.0, "allow": ("or-pool",), "fan_in": "exact-slow"}
    assert model.targets == ("loihi1", str(tmp_path / "my.toml"))
    assert config.baseline == tmp_path / "known.json"
    assert config.ignores == (Ignore("NC312", "head.*", "measured"),)


@pytest.mark.parametrize(("text", "form"), [
    ('"30xNx8"', InputSizes((30, 8), 1)), ('"3, 8,8"', InputSizes((3, 8, 8))),
    ("{ shape = [8], ticks = 30 }", InputSizes((30, 8), 1)), ("{ shape = [8] }", InputSizes((8,)))])
def test_the_input_is_a_text_or_a_table(tmp_path: Path, text: str, form: InputSizes) -> None:
    content = f'[models.a]\nentry = "a:b"\ninput = {text}'
    assert load_config(_write(tmp_path, content)).models[0].input == form
    jsonschema.validate(tomllib.loads(content), configuration_schema())


def test_found_above_the_working_directory(tmp_path: Path) -> None:
    _write(tmp_path, '[tool.neurocompile]\ntarget = "loihi1"\n', "pyproject.toml")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert load_config(start=deep).targets == ("loihi1",)
    _write(tmp_path / "a", 'target = "loihi2"')
    assert load_config(start=deep).targets == ("loihi2",)


def test_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    _write(tmp_path, 'target = "loihi1"')
    inner = tmp_path / "inner"
    inner.mkdir()
    _write(inner, '[project]\nname = "x"\n', "pyproject.toml")
    assert load_config(start=inner).targets == ("loihi1",)


@pytest.mark.parametrize(("text", "message"), [
    ('targte = "loihi2"', "did you mean `target`? at `targte`"),
    ("target = 3", "expected a string or a list of strings at `target`"),
    ('[models.a]\nentry = "a:b"\nwieghts = "w"', "did you mean `weights`?"),
    ('[models.a]\nentry = "a:b"\nmax-cores = "8"', "expected a whole number"),
    ('[models.a]\nentry = "a:b"\nmax-cores = true', "expected a whole number"),
    ('[models.a]\nentry = "a:b"\nmax-cores = 0', "expected a whole number from 1 on"),
    ('[models.a]\nentry = "a:b"\nmax-chip = 2', "did you mean `max-chips`?"),
    ('[models.a]\nentry = "a:b"\ntargets = [3]', "expected a string or a list of strings"),
    ('[models.a]\nentry = "a:b"\nweight-bits = 9', "from 1 to 8"),
    ('[models.a]\nentry = "a:b"\nprune-tokens = 1', "from 0 to below 1 at `models.a.prune-tokens`"),
    ('[models.a]\nentry = "a:b"\nprune-steps = "0.5"', "expected a number from 0 to below 1"),
    ('[models.a]\nentry = "a:b"\nencoder = "magic"', "expected one of auto"),
    ('[models.a]\nentry = "a:b"\nstreams = "once"', "expected one of auto, duplicate, adder"),
    ('[models.a]\nentry = "a:b"\nallow = ["all"]', "expected some of residual-distribution"),
    ('[models.a]\nentry = "a:b"\nencoding = "zip"', "expected one of dense, sparse, shared, auto"),
    ('[models.a]\nentry = "a:b"\nreadout = "off"', "expected one of auto, host, chip"),
    ('[models.a]\nentry = "a:b"\ninput = { shape = [0] }', "expected positive whole numbers"),
    ('[models.a]\nentry = "a:b"\ninput = "3xNxN"', "N where the samples stand"),
    ('[models.a]\nentry = "a:b"\ninput = "99999x99999"', "expected at most 67,108,864 values in all"),
    ('[models.a]\nentry = "a:b"\ninput = 3', "expected a table at `models.a.input`"),
    ('[models.a]\nentry = "a:b"\ninput = { ticks = 2 }', "missing at `models.a.input.shape`"),
    ("[models.a]\nmax-cores = 1", "missing at `models.a.entry`"),
    ("models = 3", "expected a table"),
    ('[[ignore]]\ncode = "NC312"', "say why"),
    ('[[ignore]]\ncode = "NC999"\nreason = "x"', "no rule `NC999`"),
    ("a = 1\na = 2", "`(file)`"),
    ("= 3", "`(file)`"),
])
def test_mistakes_name_their_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match="NC002") as error:
        load_config(_write(tmp_path, text))
    assert message in str(error.value)
    assert error.value.exit_code == 2


def test_a_named_configuration_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NC007"):
        load_config(tmp_path / "none.toml")


def test_entries_are_found_by_name_factory_and_weights(tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(_write(tmp_path, '[models.a]\nentry = "n:f"\nweights = "w.pt"'))
    monkeypatch.chdir(tmp_path)
    assert all(config.entry_for(one) is config.models[0] for one in ("a", "n:f", "w.pt"))
    assert config.entry_for("other.pt") is None


def test_unused_ignores_are_told(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path, FULL))
    finding = Diagnostic("NC312", Location("head.lif"), {"module": "head.lif", "share": 0.0})
    assert unused_ignores(config, [finding]) == []
    (warning,) = unused_ignores(config, [Diagnostic("NC312", Location("body.lif"))])
    assert warning.code == "NC012"


@pytest.mark.parametrize("name", INVALID)
def test_a_broken_configuration_is_one_finding_with_its_line(
        name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "neurocompile.toml").write_bytes(INVALID[name])
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    assert run(["check", "a", "-t", "loihi2", "--debug"]) == 2
    assert time.process_time() - start < 2
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("error[")]
    assert not out
    assert len(lines) == 1
    assert lines[0].startswith("error[NC002]")
    assert "--> " in err
    assert "neurocompile.toml" in err


@pytest.mark.parametrize("kind", ["folder", "pipe", "none", "NUL"])
def test_what_is_no_file_is_no_configuration(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "neurocompile.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    name = f"{path}\0" if kind == "NUL" else str(path)
    with pytest.raises(UsageError) as error:
        load_config(Path(name))
    assert error.value.exit_code == 2


def test_the_schema_says_what_is_read() -> None:
    schema = configuration_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(tomllib.loads(FULL))
    invalid = [name for name, text in INVALID.items()
               if (data := _data(text)) is not None and not validator.is_valid(data)]
    readable = [name for name, text in INVALID.items() if _data(text) is not None]
    beyond = {"target has a line break", "a model without a name", "entry with NUL",
              "weights with NUL", "shape too large", "bits as a float", "share NaN", "NUL", "long"}
    assert set(readable) - set(invalid) <= beyond
    model = schema["properties"]["models"]["additionalProperties"]
    for option in declared_options():
        assert model["properties"][option.key]["description"] == option.help


def _data(text: bytes) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError):
        return None


def test_every_example_keeps_to_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(configuration_schema())
    files = sorted(EXAMPLES.glob("*/neurocompile.toml"))
    assert len(files) == 3
    for file in files:
        validator.validate(tomllib.loads(file.read_text()))
