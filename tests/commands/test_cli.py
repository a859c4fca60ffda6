"""The command line: exit codes, streams and formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import neurocompile
from neurocompile import cli
from neurocompile.builds.directory import open_build
from neurocompile.families.targets import known_targets, load_target, parse_target
from neurocompile.target.text import target_toml
from tests.commands.command_line import run as _run
from tests.commands.project_files import CONFIG, DIAGNOSTICS

TARGETS = known_targets()


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


def test_an_architecture_is_checked_in_its_structure(here: Path, capsys: Any,
                                                     monkeypatch: Any) -> None:
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2,loihi1")
    assert "on loihi1: structure fits, no findings  ·  not run: observe, bits, quantize, " in out
    assert "route (no weights, sample or budget: --full runs them) in" in out
    assert "stages     capture, check, lower, gate, streams, split, accumulate, align\n" in out

    def never(*_: object) -> None:
        raise AssertionError("the model may not run")

    monkeypatch.setattr("neurocompile.capture.torch_model.replay", never)
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --legality-only")
    assert "loihi2: partly checked, no findings  ·  not run: replay, gate, observe, " in out
    assert "route (as asked) in" in out
    out, _ = _run(capsys, "check bad --legality-only -q --format json", 1)
    (one,) = json.loads(out)["checks"]
    assert (one["verdict"], one["stages"]) == ("illegal", ["capture without replay", "check"])
    assert one["summary"]["operators"]["illegal"] == 1
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --legality-only --max-cores 1")
    assert "route (as asked; not checked: max-cores)" in out


def test_a_budget_or_full_maps_an_architecture(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --max-cores 4")
    assert "would use 1 of" in out
    assert "stages     capture, check, lower, gate, streams, split, accumulate, align, quant" in out
    out, _ = _run(capsys, "check cli_net:Net --input 5 -t loihi2 --full --max-synapses 1", 1)
    assert "error[NC411]: synapses: 64 needed, over the project's budget of 1" in out
    assert "loihi2: over budget, 1 error" in out


def test_large_models_are_not_mapped_unless_asked(here: Path, capsys: Any, monkeypatch: Any
                                                  ) -> None:
    monkeypatch.setattr("neurocompile.families.pipeline.LARGE", 10)
    monkeypatch.setattr("neurocompile.families.pipeline.SMALL", 9)
    out, _ = _run(capsys, "check good")
    assert "loihi2: partly checked, no findings  ·  not run: replay, lower, gate, streams, " in out
    assert "stages     capture without replay, check, outline, align\n" in out
    assert "route (above 10 parameters: --full runs them) in" in out
    assert "energy" not in out
    out, _ = _run(capsys, "check cli_net:Net --input 5")
    assert "above 9 parameters: --full runs them; no weights, sample or budget" in out
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
    assert "loihi2: partly checked, no findings  ·  not run: replay, gate, observe, bits, " in out
    assert "route (the graph was captured without replay) in" in out
    out, _ = _run(capsys, f"check {tmp_path / 'fake.onnx'} -t loihi2 --full", 2)
    assert "error[NC114]" in out
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
    assert {one["code"] for one in entries} == {"NC121"}
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


def test_without_a_target_what_holds_on_any_chip_is_checked(here: Path, tmp_path: Path,
                                                            capsys: Any) -> None:
    (tmp_path / "neurocompile.toml").write_text("")
    config = f"--config {tmp_path / 'neurocompile.toml'}"
    out, _ = _run(capsys, f"check net.onnx {config}")
    assert ("any chip: event-driven, no findings  ·  not run: all of a chip's own (no target: -t "
            "names one) in") in out
    assert "stages     capture, check, lower, gate\n" in out
    out, _ = _run(capsys, f"check bad.onnx {config} --format json", 1)
    (one,) = json.loads(out)["checks"]
    assert (one["verdict"], one["target"]) == ("illegal", "")
    _, err = _run(capsys, f"check net.onnx {config} --full", 2)
    assert "no target" in err
    _, err = _run(capsys, f"build net.onnx {config}", 2)
    assert "no target" in err


def test_an_unexpected_error_is_one_line_and_a_file(here: Path, capsys: Any,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> None:
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

    monkeypatch.setattr("neurocompile.families.loihi.structure.align", interrupt)
    _, err = _run(capsys, "build net.onnx --no-verify -o halted", 130)
    assert "interrupted" in err
    assert not (here / "halted").exists()


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
    assert (verdict.cores, verdict.not_run) == (1, ())
    on_any = neurocompile.check(here / "net.onnx", target=None)
    assert (on_any.ok, on_any.compilation, on_any.not_run) == (True, None, ())
    structure = neurocompile.check(here / "net.onnx", target="loihi1", legality_only=True)
    assert (structure.ok, structure.not_run[0], structure.not_run[-1]) == (True, "observe", "route")
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
