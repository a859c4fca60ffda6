"""A sweep as text, CSV and page, from its document alone."""

from __future__ import annotations

import csv
import io

from neurocompile.report import html, sweep
from neurocompile.report.model.sweep import Refusal, SweepDocument, SweepPoint, SweepResult
from neurocompile.report.plain import from_json, to_json


def result(bits: float, right: int | None, memory: int | None = 80_000, over: bool = False
           ) -> SweepResult:
    return SweepResult(
        mean_bits=bits, bits={"a": 4, "b": 2}, right=right, same=90, local_agreement={"a": 0.9},
        mean_agreement=0.95, least_agreement=0.9, over_loss=over, memory=memory, cores=3,
        lower_bound=2, chips=1)


def document(labels: bool = True) -> SweepDocument:
    right = 80 if labels else None
    return SweepDocument(
        model="<net>", inputs="sample", samples=100, float_right=82 if labels else None, points=(
            SweepPoint(target="loihi2", weight_bits="8", result=result(8, right)),
            SweepPoint(target="loihi2", weight_bits="2", result=result(2, right, over=True)),
            SweepPoint(target="loihi2", weight_bits="=x=4", result=result(3.5, right)),
            SweepPoint(target="truenorth", weight_bits="4", result=result(4, right, None)),
            *(SweepPoint(target="truenorth", weight_bits=bits, refusals=(
                Refusal(code="NC009", message="one number for all"),)) for bits in ("search", "a=4"))))


def test_a_row_for_each_point() -> None:
    text = sweep.text(document())
    assert text.startswith("<net>: 6 points on loihi2, truenorth\nmeasured on 100 samples; the float "
                           "network gets 82.0 % of them right\n")
    row = next(line for line in text.splitlines() if line.startswith("loihi2    8"))
    assert row.split() == ["loihi2", "8", "8", "80.0", "%", "2.0", "%", "90.0", "%", "95.0", "%",
                           "90.0", "%", "9.8", "KiB", "3"]
    assert "truenorth with search, a=4: NC009 one number for all" in text
    assert text.count("90.0 % *") == 1
    assert "--max-loss" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "bits by population" in text


def test_without_labels_answers_are_compared() -> None:
    text = sweep.text(document(False))
    assert "right" not in text
    row = next(line for line in text.splitlines() if line.startswith("loihi2    8"))
    assert row.split()[3:6] == ["-", "10.0", "%"]


def test_csv_has_fractions_and_no_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(sweep.csv_text(document()))))
    assert [row["weight_bits"] for row in rows] == ["8", "2", "'=x=4", "4", "search", "a=4"]
    assert (rows[0]["accuracy"], rows[0]["loss"], rows[0]["memory_bits"]) == ("0.8", "0.02", "80000")
    assert (rows[1]["over_loss"], rows[3]["memory_bits"]) == ("1", "")
    assert (rows[4]["cores"], rows[4]["refusals"]) == ("", "NC009")


def test_the_page_needs_no_network_and_no_script() -> None:
    page = html.render_sweep(document())
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "&lt;net&gt;: 6 points" in page
    assert "<net>" not in page
    titles = [one.title for one in sweep.charts(document())]
    assert titles == ["spikes", "answers", "memory", "cores"]
    assert page.count('role="img"') == 4
    assert page.count('class="level"') == 1


def test_charts_leave_out_what_is_not_known() -> None:
    by_title = {one.title: one for one in sweep.charts(document(False))}
    assert by_title["answers"].y_title == "same as float, %"
    assert [line.name for line in by_title["memory"].lines] == [
        "loihi2", "loihi2, bits by population"]
    assert [line.name for line in by_title["cores"].lines] == [
        "loihi2", "loihi2, bits by population", "truenorth"]


def test_the_document_comes_back() -> None:
    assert from_json(SweepDocument, to_json(document())) == document()
