"""The command line: exit codes, streams, formats, and builds that are the same every time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import neurocompile
from neurocompile import cli
from neurocompile.builds.directory import open_build
from neurocompile.families.targets import known_targets, load_target, parse_target
from neurocompile.target.text import target_toml
from tests.commands.command_line import run as _run

TARGETS = known_targets()
DIAGNOSTICS = Path(neurocompile.__file__).parent / "report/schemas/diagnostics-1.json"
NET = """
import torch
from spikingjelly.activation_based import neuron
from torch import nn

class Net(nn.Module):
    def __init__(self, attention=False):
        super().__init__()
        self.attention = attention
        self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 8)
        self.lif1 = neuron.LIFNode(step_mode="m")
        self.lif2 = neuron.LIFNode(step_mode="m")
        torch.manual_seed(3)
        nn.init.uniform_(self.a.weight, 0.0, 1.5)
        nn.init.uniform_(self.b.weight, 0.0, 1.0)

    def forward(self, x):
        s = self.lif1(self.a(x.unsqueeze(0).repeat(6, 1, 1)))
        y = self.b(s)
        return self.lif2(y * s if self.attention else y).mean(0)

make = Net

def illegal():
    return Net(attention=True)
"""
CONFIG = """
target = "loihi2"
[models.good]
entry = "cli_net:make"
sample = "s.npz"
[models.bad]
entry = "cli_net:illegal"
sample = "s.npz"
"""

@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two configured models, a sample with labels and an exported graph."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "cli_net.py").write_text(NET)
    (folder / "neurocompile.toml").write_text(CONFIG)
    random = np.random.default_rng(0)
    np.savez(folder / "s.npz", x=random.random((6, 5)), y=np.arange(6) % 3)
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert cli.run(["export", "good", "-o", "net.onnx"]) == 0
        assert cli.run(["export", "bad", "-o", "bad.onnx"]) == 0
        assert cli.run(["build", "net.onnx", "-t", "loihi2", "--sample", "s.npz", "--no-verify",
                        "-o", "built"]) == 0
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as working directory."""
    monkeypatch.chdir(project)
    return project


def test_check_of_a_legal_and_an_illegal_model(here: Path, capsys: Any) -> None:
    out, err = _run(capsys, "check good", 0)
    assert "would use" in out
    assert "cli_net:make comes from cli_net.py" in err
    out, _ = _run(capsys, "check bad.onnx", 1)
    assert "error[NC12" in out
    assert "cli_net.py:" in out
    out, err = _run(capsys, "check bad.onnx --format github -q", 1)
    assert out.startswith("::error title=neurocompile (NC12")
    assert err == ""
    _run(capsys, "check bad.onnx --exit-zero", 0)
    _run(capsys, "check bad.onnx --ignore NC1", 0)
    _run(capsys, "check bad.onnx --select NC4", 0)


def test_check_without_a_model_checks_all_on_all_targets(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "check -t loihi2,loihi1 --format json", 1)
    checks = json.loads(out)["checks"]
    assert [(c["model"], c["target"]) for c in checks] == [
        ("good", "loihi2"), ("good", "loihi1"), ("bad", "loihi2"), ("bad", "loihi1")]
    schema = json.loads(DIAGNOSTICS.read_text())
    for one in checks:
        jsonschema.validate(one, schema)
    assert checks[0]["counts"]["error"] == 0
    assert checks[2]["counts"]["error"] > 0


def test_an_architecture_is_checked_for_legality_without_a_replay(here: Path, capsys: Any,
                                                                 monkeypatch: Any) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing may run")

    monkeypatch.setattr("neurocompile.capture.torch_model.replay", never)
    monkeypatch.setattr("neurocompile.families.pipeline.lower", never)
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --legality-only")
    assert "loihi2: legal, no findings" in out
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2,loihi1")
    assert "stages     capture without replay, check; legality only: no weights" in out
    assert out.count("event-driven") == 2
    out, _ = _run(capsys, "check bad --legality-only -q --format json", 1)
    (one,) = json.loads(out)["checks"]
    assert (one["verdict"], one["stages"]) == ("illegal", ["capture without replay", "check"])
    assert one["summary"]["operators"]["illegal"] == 1
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --legality-only --max-cores 1")
    assert "legality only, as asked; not checked: max-cores" in out


def test_shapes_are_read_with_commas_or_crosses() -> None:
    from neurocompile.commands.models import shape_of

    assert shape_of("3x224x224") == shape_of("3,224,224") == (3, 224, 224)
    assert (shape_of("5"), shape_of(None)) == ((5,), None)


def test_a_budget_or_full_maps_an_architecture(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --max-cores 4")
    assert "would use 1 of" in out
    assert "stages     capture, check, lower, streams, split, accumulate, quantize" in out
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --full --max-synapses 1", 1)
    assert "error[NC411]: synapses: 64 needed, over the project's budget of 1" in out
    assert "loihi2: over budget, 1 error" in out


def test_large_models_are_not_mapped_unless_asked(here: Path, capsys: Any, monkeypatch: Any
                                                  ) -> None:
    monkeypatch.setattr("neurocompile.commands.check.LARGE", 10)
    out, _ = _run(capsys, "check good")
    assert "above 10 parameters (--full maps it)" in out
    assert "energy" not in out
    out, _ = _run(capsys, "check good --full")
    assert "would use" in out
    assert "rates of 6 samples" in out


def test_an_unproved_graph_is_checked_and_not_built(here: Path, tmp_path: Path, capsys: Any,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(here)
    import cli_net
    import torch

    from neurocompile.capture.torch_model import capture

    graph = capture(cli_net.Net(), torch.rand(4, 5), prove=False)
    (tmp_path / "fake.onnx").write_bytes(graph.to_bytes())
    out, _ = _run(capsys, f"check {tmp_path / 'fake.onnx'} -t loihi2")
    assert "legality only: the graph was captured without replay" in out
    _, err = _run(capsys, f"build {tmp_path / 'fake.onnx'} -t loihi2 -o {tmp_path / 'out'}", 2)
    assert "error[NC114]: the graph of `fake.onnx` was captured without the replay" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fmt", ["sarif", "gitlab", "junit", "markdown"])
def test_documents_hold_all_models(here: Path, capsys: Any, fmt: str) -> None:
    out, err = _run(capsys, f"check -q -t loihi2,loihi1 --format {fmt}", 1)
    assert err == ""
    assert out.count("NC121") >= 2
    if fmt == "sarif":
        results = json.loads(out)["runs"][0]["results"]
        models = {(r["properties"]["model"], r["properties"]["target"]) for r in results}
        assert {("bad", "loihi2"), ("bad", "loihi1")} <= models
    _run(capsys, f"check -q net.onnx -t loihi2 --format {fmt} -o doc.txt")
    assert (here / "doc.txt").read_text()
    out, _ = _run(capsys, f"build net.onnx -q -t loihi2 --no-verify -o doc --format {fmt}")
    assert "wrote" not in out


def test_a_finding_without_a_line_points_at_the_configuration(here: Path, capsys: Any,
                                                              tmp_path: Path) -> None:
    config = here / "lines.toml"
    config.write_text('target = "loihi2"\n[models."a.b"]\nentry = "none:x"\n'
                      '[models.c]\nentry = "cli_net:Net"\ninput = { shape = [5] }\n'
                      "max-synapses = 1\n")
    out, _ = _run(capsys, "check -q --config lines.toml --format gitlab", 2)
    places = {one["check_name"]: one["location"] for one in json.loads(out)}
    assert places["missing-input"] == {"path": "lines.toml", "lines": {"begin": 2}}
    assert places["budget-exceeded"] == {"path": "lines.toml", "lines": {"begin": 4}}


def test_targets_of_a_model(here: Path, capsys: Any) -> None:
    (here / "own.toml").write_text(
        'target = "loihi2"\n[models.a]\nentry = "cli_net:Net"\ninput = { shape = [5] }\n'
        'targets = ["loihi1"]\n[models.b]\nentry = "cli_net:Net"\ninput = { shape = [5] }\n')
    out, _ = _run(capsys, "check --config own.toml --format json")
    assert [(c["model"], c["target"]) for c in json.loads(out)["checks"]] == [
        ("a", "loihi1"), ("b", "loihi2")]
    out, _ = _run(capsys, "check --config own.toml --format json -t loihi2")
    assert {c["target"] for c in json.loads(out)["checks"]} == {"loihi2"}


def test_a_baseline_lets_new_findings_fail_only(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "check --write-baseline known.json")
    assert "bad on loihi2: illegal, no findings (1 in the baseline)" in out
    entries = json.loads((here / "known.json").read_text())["findings"]
    assert {one["code"] for one in entries} == {"NC121", "NC302"}
    _run(capsys, "check --baseline known.json")
    _run(capsys, "check bad --baseline known.json -t loihi1", 1)  # another target
    (here / "half.json").write_text(json.dumps(
        {"schema": "neurocompile/baseline/1",
         "findings": [one for one in entries if one["code"] != "NC121"]}))
    _run(capsys, "check --baseline half.json", 1)
    (here / "more.json").write_text(json.dumps(
        {"schema": "neurocompile/baseline/1", "findings": [*entries, {"fingerprint": "0"}]}))
    _, err = _run(capsys, "check --baseline more.json")
    assert "1 findings of the baseline are gone" in err
    _run(capsys, "check none.pt --baseline known.json --write-baseline other.json", 2)


def test_unreadable_models_do_not_stop_the_others(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "check none.pt net.onnx", 2)
    assert "error[NC007]" in out
    assert "net.onnx on loihi2" in out


def test_ignores_of_the_configuration(here: Path, tmp_path: Path, capsys: Any) -> None:
    text = CONFIG.replace('"cli_net:illegal"', '"cli_net:make"').replace(
        '"s.npz"', f'"{here / "s.npz"}"')
    config = tmp_path / "neurocompile.toml"
    config.write_text(text + '[[ignore]]\ncode = "NC421"\nreason = "known"\n'
                      '[[ignore]]\ncode = "NC120"\nreason = "gone"\n')
    out, _ = _run(capsys, f"check -v --config {config}", 0)
    assert "warning[NC012]" in out
    assert "NC421" not in out


def test_a_build_that_stops_after_place_has_no_program(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "build net.onnx -t loihi2 --stop-after place -o mapped", 0)
    assert out.endswith("wrote mapped/: no program, report.html shows the mapping\n")
    assert not (here / "mapped/program").exists()
    whole, partial = ((here / folder / "mapping.json").read_text() for folder in ("built", "mapped"))
    assert json.loads(whole)["cores"] == json.loads(partial)["cores"]
    _run(capsys, "report mapped", 0)
    _, err = _run(capsys, "verify mapped", 2)
    assert "error[NC007]: cannot find a program in `mapped`" in err


def test_a_budget_is_enforced(here: Path, capsys: Any) -> None:
    _run(capsys, "check net.onnx --max-cores 1", 0)
    _run(capsys, "build net.onnx --no-verify -o tight --weight-bits 4", 0)
    assert json.loads((here / "tight/manifest.json").read_text())["options"]["weight_bits"] == 4


@pytest.mark.parametrize(("command", "message"), [
    ("check none.onnx", "NC007"), ("build net.onnx -t loihi3", "NC001"),
    ("build net.onnx --prune-tokens 0.5", "NC021"), ("build net.onnx --prune-steps 1", "0 to below 1"),
    ("build net.onnx -t loihi1,loihi2", "one target"), ("build net.onnx --weight-bits 12", "12"),
    ("build net.onnx --sample none.npz", "NC007"), ("check net.onnx --select XX", "no rule"),
    ("build net.onnx -o .", "NC006"), ("build net.onnx -o cli_net.py", "NC006"),
    ("verify nothing", "NC007"), ("report .", "NC007"), ("explain NC999", "NC009"),
    ("targets lohi2", "did you mean `loihi2`"), ("chek", "chek"), ("build", "MODEL"),
    ("check net.onnx --config none.toml", "NC007"), ("check cli_net:make --input-shape a", "NC009"),
    ("check net.onnx --baseline none.json", "NC007"), ("check net.onnx --baseline s.npz", "NC003"),
    ("check net.onnx --baseline net2.json", "NC007"), ("build net.onnx --input 1x", "NC009"),
    ("build net.onnx --weights s.npz", "--weights"), ("targets --format toml", "name it"),
])
def test_unusable_input_exits_with_2_and_one_message(here: Path, capsys: Any, command: str,
                                                     message: str) -> None:
    out, err = _run(capsys, command, 2)
    assert message in err + out
    assert "Traceback" not in err + out


def test_no_target_is_told(here: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "neurocompile.toml").write_text("")
    _, err = _run(capsys, f"check net.onnx --config {tmp_path / 'neurocompile.toml'}", 2)
    assert "no target" in err


def test_an_unexpected_error_is_one_line_and_a_file(here: Path, capsys: Any,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("neurocompile.families.pipeline.lower", bug)
    _, err = _run(capsys, "build net.onnx --no-verify -o bug", 3)
    assert "error[NC902]: ZeroDivisionError: of ours" in err
    assert "Traceback" not in err
    crash = Path(err.split("is in `")[1].split("`")[0])
    assert "ZeroDivisionError" in crash.read_text()
    crash.unlink()
    assert not (here / "bug").exists()


def test_an_interrupt_exits_with_130(here: Path, capsys: Any,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("neurocompile.families.loihi.stages.align", interrupt)
    _, err = _run(capsys, "build net.onnx --no-verify -o halted", 130)
    assert "interrupted" in err
    assert not (here / "halted").exists()


def test_a_failed_build_leaves_the_old_one(here: Path, capsys: Any,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    _run(capsys, "build net.onnx --no-verify -o kept", 0)
    before = (here / "kept/manifest.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neurocompile.builds.builder.write_json", full)
    _, err = _run(capsys, "build net.onnx --no-verify -o kept", 2)
    assert "No space left" in err
    assert (here / "kept/manifest.json").read_bytes() == before
    assert open_build(here / "kept")


def test_the_build_directory(here: Path, capsys: Any) -> None:
    directory = here / "built"
    assert sorted(p.name for p in directory.iterdir()) == [
        "diagnostics.json", "fidelity.json", "manifest.json", "mapping.json", "model.onnx",
        "program", "report.html", "resources.csv", "resources.json", "target.toml", "trace.json"]
    manifest = json.loads((directory / "manifest.json").read_text())
    assert [one["role"] for one in manifest["inputs"]] == ["graph", "sample"]
    jsonschema.validate(json.loads((directory / "diagnostics.json").read_text()),
                        json.loads(DIAGNOSTICS.read_text()))
    assert str(here) not in (directory / "manifest.json").read_text()
    out, _ = _run(capsys, "report built")
    assert "not verified" in out
    assert "fits on" in out
    out, _ = _run(capsys, "report built --format json")
    assert json.loads(out)["resources"]["totals"]
    out, _ = _run(capsys, "report built --format csv")
    assert out == (directory / "resources.csv").read_text()
    _run(capsys, "report built --format html --output page.html")
    assert (here / "page.html").read_text() == (directory / "report.html").read_text()


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_builds_are_equal_byte_for_byte(here: Path, tmp_path: Path) -> None:
    contents = []
    for seed in ("1", "2"):
        folder = tmp_path / f"somewhere{seed}"
        folder.mkdir()
        shutil.copy(here / "s.npz", folder)
        shutil.copy(here / "cli_net.py", folder)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed, "TZ": "UTC"}
        subprocess.run(
            [sys.executable, "-m", "neurocompile", "build", "cli_net:make", "-t", "loihi2", "-q",
             "--sample", "s.npz", "--no-verify"], cwd=folder, env=environment, check=True,
            capture_output=True)
        contents.append(_files(folder / "build"))
    first, second = contents
    manifests = [json.loads(files.pop("manifest.json")) for files in contents]
    for files, manifest in zip(contents, manifests, strict=True):
        files.pop("trace.json")
        manifest.pop("created")
    assert manifests[0] == manifests[1]
    assert first == second


@pytest.mark.lava
def test_build_and_verify_on_lava(here: Path, capsys: Any) -> None:
    pytest.importorskip("lava")
    out, _ = _run(capsys, "build net.onnx --sample s.npz -o proved")
    assert "verified on 4 samples, 24 ticks" in out
    assert "accuracy of the integer network:" in out
    out, _ = _run(capsys, "verify proved --input s.npz")
    assert "verified on 6 samples, 36 ticks" in out
    assert ": 0 differences" in out
    out, _ = _run(capsys, "verify proved --samples 1 --format json")
    assert json.loads(out)["differences"] == 0


def test_a_program_that_differs_is_not_published(here: Path, capsys: Any,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    from neurocompile.backends.results import Verification
    from neurocompile.diagnostics import Diagnostic

    finding = Diagnostic("NC702", values={
        "population": "lif1", "sample": 0, "tick": 1, "neuron": 2, "expected": 1, "found": 0,
        "program": "it"})
    monkeypatch.setattr("neurocompile.backends.loihi.verify.verify",
                        lambda *_, **__: Verification(1, 6, (), (finding,), 0.0))
    out, _ = _run(capsys, "build net.onnx -o wrong --format concise", 1)
    assert out.startswith("error[NC702]")
    assert not (here / "wrong").exists()
    out, _ = _run(capsys, "verify built", 1)
    assert "error[NC702]" in out


def test_verify_refuses_a_changed_program(here: Path, capsys: Any) -> None:
    shutil.copytree(here / "built", here / "changed", dirs_exist_ok=True)
    program = here / "changed/program/net.py"
    program.write_text(program.read_text() + "\n")
    _, err = _run(capsys, "verify changed", 2)
    assert "NC704" in err


def test_without_lava_a_build_says_that_it_is_not_verified(
        here: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurocompile.diagnostics import Diagnostic, UsageError

    def missing(*_: object, **__: object) -> None:
        raise UsageError(Diagnostic("NC602", values={"what": "it", "package": "lava-nc"}))

    monkeypatch.setattr("neurocompile.backends.loihi.verify.verify", missing)
    out, _ = _run(capsys, "build net.onnx -o unproved", 0)
    assert "warning[NC602]" in out
    assert "not verified" in out
    _, err = _run(capsys, "verify unproved", 2)
    assert "NC602" in err


def test_the_catalog(capsys: Any) -> None:
    from neurocompile.rules import RULES

    for fmt in ("term", "md", "json"):
        out, _ = _run(capsys, f"explain NC405 --format {fmt}")
        assert "neuron-indivisible" in out
    out, _ = _run(capsys, "explain max-pool")
    assert "NC122" in out
    for fmt in ("text", "md", "json"):
        out, _ = _run(capsys, f"rules --format {fmt}")
        assert all(code in out for code in RULES)
    out, _ = _run(capsys, "targets loihi1")
    assert "published" in out
    out, _ = _run(capsys, "targets --format json")
    assert [one["name"] for one in json.loads(out)] == TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_survives_its_own_toml(name: str) -> None:
    target = load_target(name)
    assert parse_target(target_toml(target), target.path) == target


def test_the_package_functions(here: Path, tmp_path: Path) -> None:
    verdict = neurocompile.check(here / "net.onnx", target="loihi2")
    assert verdict.ok
    assert verdict.cores == 1
    result = neurocompile.build(here / "net.onnx", tmp_path / "b", verify_samples=0)
    assert open_build(result.path)
    with pytest.raises(AttributeError):
        _ = neurocompile.nothing


def test_arguments_reach_the_factory(here: Path, capsys: Any) -> None:
    (here / "args.json").write_text('{"attention": true}')
    for text in ('{"attention": true}', "@args.json"):
        assert cli.run(["check", "cli_net:make", "--input-shape", "5", "-t", "loihi2",
                        "--arch-args", text]) == 1
        assert "NC121" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[1]", "@nothing.json", "[" * 100_000])
def test_arguments_that_are_none(here: Path, capsys: Any, text: str) -> None:
    assert cli.run(["check", "cli_net:make", "--input-shape", "5", "-t", "loihi2",
                    "--arch-args", text]) == 2
    assert "error[NC009]: `--arch-args` cannot be" in capsys.readouterr().out


def test_a_net_file_is_exported_and_read_back(here: Path, capsys: Any) -> None:
    (here / "signed_net.py").write_text(NET.replace("(self.b.weight, 0.0", "(self.b.weight, -0.8")
                                        .replace("LIFNode", "IFNode"))
    assert cli.run(["export", "signed_net:make", "--input-shape", "5", "-o", "signed.net"]) == 0
    assert "wrote signed.net: 2 layers" in capsys.readouterr().out
    assert cli.run(["check", "signed.net", "-t", "loihi2", "--ticks", "6"]) == 0


def test_what_a_net_file_cannot_say(here: Path, capsys: Any) -> None:
    (here / "soft_net.py").write_text(NET.replace("LIFNode(", "LIFNode(v_reset=None, "))
    assert cli.run(["export", "soft_net:make", "--input-shape", "5", "-o", "soft.net"]) == 1
    assert "error[NC606]" in capsys.readouterr().out
    assert not (here / "soft.net").exists()
