"""Ways and refinements against each other: shapes, what plans say, reports on made-up timings. Nothing is timed."""

from __future__ import annotations

import argparse
import itertools
import os
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convgrad import _core
from convgrad._bench.layers import PASSES, square
from convgrad._bench.timing import DisagreementError

pytest.importorskip("bench", reason="the benchmark is part of the repository, not of the package")
pytest.importorskip("rich")

from rich.console import Console

from bench import ablate, environment, grid, layers, machine, networks, results, tune, tune_report, tuning_numbers, ways
from bench.__main__ import INTERRUPTED, main
from bench.layers import Entry
from bench.peers.contender import LAYOUTS, Layout, arrange
from bench.refinements import REFINEMENTS, Refinement
from bench.results import Limits, Line, Run, Timing
from bench.variants import Case, Variant, Work, carry_out, empty_result, pooled, time_variants

WAY_NAMES = Path(__file__).parent.parent / "csrc" / "algorithms" / "gemm" / "way.hpp"
# Any two numbers of the table: which there are is not for these tests to know.
FIRST, SECOND = list(tuning_numbers.table())[:2]


def value_of(name: str) -> float:
    return tuning_numbers.table()[name].value


@pytest.fixture(autouse=True)
def table_stays() -> Generator[None]:
    """Whatever a test does, the table is afterwards as it was before."""
    before = tuning_numbers.table()
    yield
    assert tuning_numbers.table() == before


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure no limits of the machine, which takes seconds."""
    monkeypatch.setattr(machine, "bandwidth", lambda threads: 1e10)
    monkeypatch.setattr(machine, "peak_flops", lambda dtype, threads: 1e11)


def case_of(pass_name: Any = "forward", layout: Layout = "nchw", **options: int) -> Case:
    layer = square("small", 2, 4, 7, 8, 3, **options)
    work = Work([Entry(layer, "none")], layout=layout, seconds=0.001, rounds=1)
    out = empty_result(layer, pass_name, "float32", layout)
    return Case(work, work.entries[0], pass_name, 1, arrange(layer.operands("float32"), layout), out)


# ---- shapes ----


@pytest.mark.parametrize("shapes", [grid.FULL, grid.QUICK], ids=["full", "quick"])
def test_grid_is_possible(shapes: grid.Grid) -> None:
    entries = shapes.entries()
    assert len({entry.name for entry in entries}) == len(entries)
    assert {entry.kind for entry in entries} == {"dense", "pointwise", "grouped"}
    assert any(entry.layer.depthwise for entry in entries)
    for entry in entries:
        assert shapes.least <= entry.layer.flops <= shapes.most
        for pass_name in PASSES:
            assert ways.description(entry.layer, pass_name, "float32") is not None


def test_full_grid_has_every_value_of_every_axis() -> None:
    found = [entry.layer for entry in grid.FULL.entries()]
    assert {layer.kernel_size[0] for layer in found} == set(grid.FULL.kernels)
    assert {layer.stride[0] for layer in found} == set(grid.FULL.strides)
    assert {layer.input_size[0] for layer in found} == set(grid.FULL.maps)
    assert {layer.batch for layer in found} == set(grid.FULL.batches)
    assert {(layer.in_channels, layer.out_channels, layer.groups) for layer in found} == set(grid.FULL.channels)


def test_layers_of_networks() -> None:
    every = networks.choose()
    assert len({str(entry.layer) for entry in every}) == len(every)
    (name, *_) = networks.load()
    some = networks.choose([name])
    assert 0 < len(some) < len(every)
    assert {entry.network for entry in some} == {name}
    assert networks.choose(["no such network"]) == []


# ---- ways ----


def test_all_ways_of_the_library_are_known() -> None:
    names = re.findall(r'"(\w+)"', WAY_NAMES.read_text(encoding="utf-8").split("way_names[ways]")[1])
    assert {way for pass_name in PASSES for way in ways.of_pass(pass_name)} == {*names} - {"auto"}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pass_name", PASSES)
def test_ways_that_serve(pass_name: Any, layout: Layout) -> None:
    """A forced way is the one that its plan names, and the library's choice is among those that serve."""
    taken = set()
    for entry in (*grid.QUICK.entries(), *layers.choose(short=True)):
        for dtype in ("float32", "float64"):
            served = ways.serving(entry.layer, pass_name, dtype, layout)
            for way, text in served.items():
                assert ways.chosen(text, layout) == (way,), (str(entry.layer), text)
            own = ways.chosen(ways.description(entry.layer, pass_name, dtype) or "", layout)
            # In a mixture, one way may serve some residues only.
            assert set(own) <= set(served if len(own) == 1 else ways.of_pass(pass_name)), (str(entry.layer), own)
            assert own
            taken |= set(own)
    assert len(taken) > 1
    assert ("channels_by_pixel" in served) <= (layout == "nhwc")


TEXT = """algorithm  gemm
way        channels_by_tile
estimates  time over multiplying alone: channels_by_tile 1.07, pixels_from_panels 12.5, pixel_rows 3
or         to results whose channels are neighbors:
way        channels_by_pixel
threads    2
"""


def test_description_is_read() -> None:
    assert ways.chosen(TEXT, "nchw") == ("channels_by_tile",)
    assert ways.chosen(TEXT, "nhwc") == ("channels_by_pixel",)
    assert ways.chosen(TEXT.replace("or ", "of "), "nchw") == ("channels_by_tile", "channels_by_pixel")
    assert ways.chosen("swapped    \nway        channel_sums\n", "nchw") == ("channel_sums_swapped",)
    assert ways.chosen("patches    \nway        channels_by_tile\n", "nchw") == ("patches",)
    assert ways.estimates(TEXT) == {"channels_by_tile": 1.07, "pixels_from_panels": 12.5, "pixel_rows": 3.0}
    assert ways.estimates(TEXT + TEXT) == {}
    assert ways.estimates("way        columns\n") == {}


def test_estimates_of_the_library_are_read() -> None:
    """For a layer whose border and channels leave every way open."""
    found = ways.estimates(ways.description(case_of(padding=1).layer, "forward", "float32") or "")
    assert len(found) > 1
    assert set(found) <= set(ways.of_pass("forward"))
    assert all(value > 0 for value in found.values())


def test_ways_with_other_sums_change_bits() -> None:
    assert "pixel_rows" in ways.same_bits("forward", "channels_by_tile")
    assert "columns" not in ways.same_bits("grad_input", ways.MIXED)
    assert ways.same_bits("grad_kernel", "pixel_sums") == ("pixel_sums",)


# ---- measuring ----


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pass_name", PASSES)
def test_ways_are_measured(pass_name: Any, layout: Layout) -> None:
    run = Run()
    tune.measure_case(case_of(pass_name, layout, padding=1, stride=2), run)
    (line,) = run.lines
    served = ways.serving(case_of(padding=1, stride=2).layer, pass_name, "float32", layout)
    assert {*served, line.chosen} == set(line.timings)
    assert set(line.estimates) <= set(served)


@dataclass(frozen=True)
class Wrong(Variant):
    """Computes something else."""

    def prepare(self, *arguments: Any) -> Any:
        prepared = super().prepare(*arguments)
        return replace(prepared, run=lambda: np.add(prepared.run(), 1, out=self.out))


def test_results_are_compared_before_anything_is_timed(quickly: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convgrad._bench.timing._sample_in_turns", None)
    case = case_of()

    def measure_case(case: Case, run: Run) -> None:
        run.lines.append(time_variants(case, [Variant("right", case.out), Wrong("wrong", case.out)], bool))

    with pytest.raises(DisagreementError, match="wrong"):
        measure_case(case, Run())
    run = Run()
    carry_out(replace(case.work, passes=["forward"]), measure_case, run, Console())
    assert run.lines == []
    assert len(run.disagreements) == 1


def test_what_is_doubtful_is_measured_again() -> None:
    case = case_of()
    lines: list[Line] = []

    def doubtful(line: Line) -> bool:
        lines.append(line)
        return True

    found = time_variants(case, [Variant("one", case.out)], doubtful)
    assert len(lines) > 1
    assert found.timings["one"].minimum <= min(line.timings["one"].minimum for line in lines)


def test_measurements_are_pooled() -> None:
    first, second = line_of({"a": 1.0, "b": 3.0}), line_of({"a": 2.0, "b": 2.5})
    timings = pooled(first, second).timings
    assert timings == {"a": Timing(1.0, 2.0), "b": Timing(2.5, 2.5)}


def test_one_that_fails_is_noted(quickly: None) -> None:
    def measure_case(case: Case, run: Run) -> None:
        raise LookupError("[no memory]")

    run = Run()
    carry_out(case_of().work, measure_case, run, Console())
    assert len(run.notes) == len(PASSES)
    assert all("small" in note and "[no memory]" in note for note in run.notes)


def test_process_may_run_where_it_could() -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("the system has no such call")
    before = os.sched_getaffinity(0)

    def fail() -> None:
        with environment.pinned(1) as processors:
            assert os.sched_getaffinity(0) == set(processors)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert os.sched_getaffinity(0) == before


# ---- numbers ----


def test_numbers_are_put_back() -> None:
    usual = value_of(FIRST)

    def fail() -> None:
        with tuning_numbers.changed({FIRST: usual + 1, SECOND: value_of(SECOND) + 2}):
            assert value_of(FIRST) == usual + 1
            with tuning_numbers.changed({}):
                _core.set_tuning_number(FIRST, usual + 7)
            assert value_of(FIRST) == usual + 1
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert value_of(FIRST) == usual


def test_unknown_number_changes_nothing() -> None:
    with (
        pytest.raises(tuning_numbers.UnknownNumberError, match=f"did you mean {FIRST}"),
        tuning_numbers.changed({FIRST: value_of(FIRST) + 1, f"{FIRST}x": 1}),
    ):
        raise AssertionError


def test_assignment() -> None:
    assert tuning_numbers.assignment("name=2.5e3") == ("name", 2500.0)
    for wrong in ("name", "name=", "=3", "name=much", "name=nan", "name=inf"):
        with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
            tuning_numbers.assignment(wrong)


def test_numbers_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["numbers"]) == 0
    text = capsys.readouterr().out
    for number in tuning_numbers.table().values():
        assert number.name in text
        assert f"{number.value:g}" in text
        assert number.unit in text
        assert number.trades.split()[0] in text


# ---- refinements ----


def test_refinements_are_switched_off_by_numbers_that_exist() -> None:
    assert ablate.choose() == list(REFINEMENTS)
    names = [refinement.name for refinement in REFINEMENTS]
    assert len(set(names)) == len(names)
    assert all(refinement.what and refinement.off for refinement in REFINEMENTS)
    assert {way for one in REFINEMENTS for way in one.ways} <= {way for name in PASSES for way in ways.of_pass(name)}
    assert ablate.choose(names[:1]) == [one for one in REFINEMENTS if names[0] in one.name]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_refinements_change_no_bit(layout: Layout) -> None:
    """All that `tune` and `ablate` switch is for speed: no result may differ, not even in its last bits."""
    shapes = (
        *(square("border", 2, 24, 17, 40, 3, padding=1), square("strided", 1, 70, 14, 12, 3, stride=2, padding=1)),
        *(square("pointwise", 2, 96, 16, 70, 1), square("grouped", 2, 8, 16, 8, 5, padding=2, groups=8)),
        square("single", 1, 2, 32, 1, 5, padding=2),
    )
    for layer, pass_name in itertools.product(shapes, PASSES):
        operands = arrange(layer.operands("float32"), layout)
        out = empty_result(layer, pass_name, "float32", layout)
        for way in ways.serving(layer, pass_name, "float32", layout):
            run = Variant(way, out, f"gemm:{way}").prepare(layer, pass_name, operands).run
            expected = run().copy()
            for refinement in (one for one in REFINEMENTS if ablate.concerns(one, [way])):
                with tuning_numbers.changed(refinement.off):
                    found = run()
                where = f"{layer.name}, {pass_name}, {way} without {refinement.name}"
                np.testing.assert_array_equal(found, expected, err_msg=where)


def test_refinement_of_an_unknown_number() -> None:
    with pytest.raises(tuning_numbers.UnknownNumberError, match=r"'fast'.*'no_such_number'"):
        ablate.choose(among=[Refinement("fast", "nothing", {"no_such_number": 0})])


def test_numbers_of_every_call_and_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the refinement the usual values hold, also those that somebody tries, and without it the others."""
    usual = value_of(FIRST)
    seen: list[dict[str, float]] = []

    def look(case: Case, variants: list[Variant], doubtful: object) -> Line:
        for variant in variants:
            variant.prepare(case.layer, case.pass_name, case.operands).run()
            seen.append({name: value_of(name) for name in (FIRST, SECOND)})
        raise KeyboardInterrupt

    monkeypatch.setattr(ablate, "time_variants", look)
    pricing = ablate.Pricing([Refinement("one", "it", {FIRST: usual + 2})])
    with tuning_numbers.changed({SECOND: value_of(SECOND) + 1}):
        tried = value_of(SECOND)
        with pytest.raises(KeyboardInterrupt):
            pricing(case_of(), Run())
        assert [value_of(FIRST), value_of(SECOND)] == [usual, tried]
    assert seen == [{FIRST: usual, SECOND: tried}, {FIRST: usual + 2, SECOND: tried}]


def test_refinement_of_another_way_is_left_out() -> None:
    off = {FIRST: value_of(FIRST) + 1}
    pricing = ablate.Pricing([Refinement("other", "it", off, ("columns",)), Refinement("any", "it", off)])
    run = Run()
    pricing(case_of("forward"), run)
    assert [line.refinement for line in run.lines] == ["any"]


def test_refinement_that_is_off_already_is_left_out() -> None:
    pricing = ablate.Pricing([ablate.NOTHING, Refinement("off", "it", {FIRST: value_of(FIRST)})])
    run = Run()
    pricing(case_of(), run)
    assert [line.refinement for line in run.lines] == [ablate.NOTHING.name]
    assert len(pricing.notes()) == 1


# ---- reports ----


def line_of(times: Mapping[str, float], *, chosen: str = "", pass_name: str = "forward", **more: Any) -> Line:
    timings = {name: Timing(time, time) for name, time in times.items()}
    layer, sizes = more.pop("layer", "one"), "1,1,3x3"
    return Line(layer, "grid", "dense", sizes, pass_name, "float32", 1, 10**9, 10**6, timings, chosen=chosen, **more)


def run_of(*lines: Line) -> Run:
    return Run(notes=["a note"], limits=[Limits("float32", 1, 1e10, 1e10)], lines=list(lines))


def test_loss() -> None:
    line = line_of({"columns": 1.0, "channels_by_tile": 2.5, "patches": 2.0}, chosen="channels_by_tile")
    same_bits, all_ways = tune.losses(replace(line, pass_name="grad_input"))
    assert (same_bits.best, same_bits.share, same_bits.changes_bits) == ("patches", 0.25, False)
    assert (all_ways.best, all_ways.share, all_ways.changes_bits) == ("columns", 1.5, True)
    assert tune.noticeable([replace(line, pass_name="grad_input")]) == [all_ways, same_bits]
    best = line_of({"pixel_rows": 1.0, "channels_by_tile": 1.0}, chosen="channels_by_tile")
    assert [loss.best for loss in tune.losses(best)] == ["channels_by_tile"] * 2
    assert tune.noticeable([best]) == []


def test_mixed_choice_is_one_of_the_candidates() -> None:
    line = line_of(
        {ways.MIXED: 1.0, "channels_by_tile": 2.0, "columns": 0.5}, chosen=ways.MIXED, pass_name="grad_input"
    )
    same_bits, all_ways = tune.losses(line)
    assert (same_bits.best, same_bits.share) == (ways.MIXED, 0.0)
    assert (all_ways.best, all_ways.share, all_ways.changes_bits) == ("columns", 1.0, True)


def test_accuracy_of_estimates() -> None:
    """Multiplying alone takes 0.1 s: the ways took 2 and 8 times as long."""
    line = line_of(
        {"channels_by_tile": 0.2, "pixel_rows": 0.8},
        chosen="channels_by_tile",
        estimates={"channels_by_tile": 1.0, "pixel_rows": 2.0},
    )
    by_tile, rows = tune.accuracies([line, line], run_of(line))
    assert (by_tile.way, by_tile.lines, by_tile.beside_choice) == ("channels_by_tile", 2, None)
    assert by_tile.of_time == pytest.approx((0.5, 0.5, 0.5))
    assert rows.of_time == pytest.approx((0.25, 0.25, 0.25))
    assert rows.beside_choice == pytest.approx((0.5, 0.5, 0.5))


def test_tune_report(capsys: pytest.CaptureFixture[str]) -> None:
    estimates = {"channels_by_tile": 1.0, "pixel_rows": 2.0}
    run = run_of(
        line_of({"channels_by_tile": 1.2, "pixel_rows": 1.0}, chosen="channels_by_tile", estimates=estimates),
        line_of({"channel_sums": 3.0, "pixel_sums": 1.0}, chosen="channel_sums", pass_name="grad_kernel"),
    )
    run.disagreements.append("they [differ]")
    tune_report.show(run, Console(width=150))
    text = capsys.readouterr().out
    for part in (
        "a note",
        "20.0%",
        "200.0%",
        "a change of bits",
        "9.54%",
        "pixel_rows",
        "0.08",
        "0.20",
        "2.40",
        "[differ]",
    ):
        assert part in text
    tune_report.show(run_of(line_of({"columns": 1.0}, chosen="columns", pass_name="grad_input")), Console(width=150))
    assert "No choice loses more than 5%" in capsys.readouterr().out


def test_ablate_report(capsys: pytest.CaptureFixture[str]) -> None:
    def pair(name: str, layer: str, gain: float) -> Line:
        return line_of({"with": 1.0, "without": 1 + gain}, layer=layer, refinement=name)

    lines = (pair("good", "a", 0.21), pair("good", "b", -0.02), pair("bad", "a", 0.009), pair("bad", "b", 0.0))
    ablate.show(run_of(*lines), Console(width=150))
    rows = capsys.readouterr().out.splitlines()
    good, bad = (next(row for row in rows if name in row) for name in ("good", "bad"))
    for part in ("+8.89%", "21.0%", "a, forward", "2.0%", "b, forward", "1/2"):
        assert part in good
    assert "not worth its lines" not in good
    assert "0/2" in bad
    assert "not worth its lines" in bad


def test_lines_of_both_commands_are_saved(tmp_path: Path) -> None:
    run = run_of(
        line_of({"pixel_rows": 1.0}, chosen="pixel_rows", estimates={"pixel_rows": 2.0}),
        line_of({"with": 1.0, "without": 1.0}, refinement="one"),
        line_of({"with": 1.0, "without": 1.0}, refinement="two"),
    )
    results.save(run, tmp_path / "run.json")
    assert results.load(tmp_path / "run.json") == run
    assert len({line.key for line in run.lines}) == 3


# ---- commands ----

FEW = ("--layers", "worked", "--passes", "forward", "grad_kernel", "--seconds", "0.001")


def test_tune_command(quickly: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line to the file, with a number that is tried."""
    tried = f"{FIRST}={value_of(FIRST) + 1}"
    assert main(["tune", *FEW, "--dtype", "float32", "float64", "--output", str(tmp_path), "--set", tried]) == 0
    assert "geometric mean" in capsys.readouterr().out
    run = results.load(tmp_path / "tune.json")
    assert [(line.pass_name, line.dtype) for line in run.lines] == [
        *(("forward", "float32"), ("grad_kernel", "float32")),
        *(("forward", "float64"), ("grad_kernel", "float64")),
    ]
    assert all(line.chosen in line.timings for line in run.lines)
    assert any(FIRST in note for note in run.notes)


def test_ablate_command(quickly: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refinement = next(one for one in REFINEMENTS if not ablate.is_off(one))
    chosen = ("--refinements", refinement.name, "--layout", "nhwc")
    assert main(["ablate", *FEW, *chosen, "--output", str(tmp_path)]) == 0
    assert refinement.name in capsys.readouterr().out
    run = results.load(tmp_path / "ablate.json")
    assert run.layout == "nhwc"
    assert {line.refinement for line in run.lines} == {ablate.NOTHING.name, refinement.name}
    assert all(set(line.timings) == {"with", "without"} for line in run.lines)


def test_interrupted_command_writes_what_it_has(quickly: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = tune.measure_case

    def interrupt(case: Case, run: Run) -> None:
        if run.lines:
            raise KeyboardInterrupt
        measured(case, run)

    monkeypatch.setattr(tune, "measure_case", interrupt)
    assert main(["tune", *FEW, "--output", str(tmp_path)]) == INTERRUPTED
    run = results.load(tmp_path / "tune.json")
    assert len(run.lines) == 1
    assert any("interrupted" in note for note in run.notes)


def test_run_command_tries_numbers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In a process of its own, which refuses what it does not know."""
    tried = ("--set", f"{FIRST}={value_of(FIRST) + 1}")
    assert main(["run", *FEW, "--peers", "--output", str(tmp_path), *tried]) == 0
    assert f"{FIRST} = " in capfd.readouterr().out
    assert any(FIRST in note for note in results.load(tmp_path / "results.json").notes)


@pytest.mark.parametrize("command", ["run", "tune", "ablate"])
def test_unknown_number_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, *FEW, "--output", str(tmp_path / "no"), "--set", "no_such_number=1"]) == 2
    text = capsys.readouterr().err
    assert "no_such_number" in text
    assert "python -m bench numbers" in text
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("command", ["tune", "ablate"])
def test_what_matches_nothing_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--layers", "no such layer"]) == 2
    assert main([command, "--networks", "no such network"]) == 2
    assert main(["ablate", "--refinements", "no such refinement"]) == 2
    with pytest.raises(SystemExit) as raised:
        main([command, "--set", "nothing"])
    assert raised.value.code == 2
    assert "NAME=VALUE" in capsys.readouterr().err
