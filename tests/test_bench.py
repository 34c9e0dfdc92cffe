"""The benchmark's pure parts: layers, what it writes and reads, comparison, environment. Nothing is timed."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import convgrad as cg
from convgrad._bench.contenders import Prepared
from convgrad._bench.layers import LAYERS, PASSES, Layer, Operands, PassName, square
from convgrad._bench.timing import Effort, measure

pytest.importorskip("bench", reason="the benchmark is part of the repository, not of the package")
pytest.importorskip("rich")

from bench import compare, environment, layers, machine, memory, networks, peers, phases, report, results
from bench.__main__ import main
from bench.peers.contender import LAYOUTS, Layout, arrange
from bench.results import Limits, Line, Memory, Run, Timing
from bench.session import Task


def line(layer: str = "one", *, subject: float = 1.0, peer: float = 2.0, kind: str = "dense", threads: int = 1) -> Line:
    timings = {"convgrad": Timing(subject, subject, "gemm"), "numpy": Timing(peer, peer, "taps")}
    return Line(layer, "a network", kind, "1,1,3x3", "forward", "float32", threads, 8_000_000_000, 400_000_000, timings)


def run_of(*lines: Line) -> Run:
    return Run(
        machine={"processor": "a processor"},
        versions={"convgrad": "1", "commit": "abc", "isa": "avx2"},
        notes=["a note"],
        limits=[Limits("float32", threads, 1e11, 1e10) for threads in {one.threads for one in lines}],
        lines=list(lines),
        memory=[Memory("one", "1,1,3x3", "forward", "float32", {"convgrad": 0, "numpy": 3 << 20})],
    )


def test_layer_names_are_unique_and_all_known_ones_are_there() -> None:
    names = [entry.name for entry in layers.ENTRIES]
    assert len(set(names)) == len(names)
    assert {layer.name for layer in LAYERS} < set(names)
    assert {*layers.SHORT, *layers.MEMORY} <= set(names)


@pytest.mark.parametrize("entry", layers.ENTRIES, ids=lambda entry: entry.name)
def test_layer_is_possible(entry: layers.Entry) -> None:
    """convgrad accepts it, for each pass, and computes as many operations and the output size that the list says."""
    layer = entry.layer
    assert entry.network
    assert min(layer.output_size) > 0
    for pass_name in PASSES:
        plan = cg.plan(pass_name, layer.input_shape, layer.kernel_shape, **layer.options)
        assert plan.flops == layer.flops
    assert cg.plan("forward", layer.input_shape, layer.kernel_shape, **layer.options).output_shape == layer.output_shape


def test_every_rank_and_kind_is_in_the_list() -> None:
    assert {len(entry.layer.kernel_size) for entry in layers.ENTRIES} == {1, 2, 3}
    assert {entry.kind for entry in layers.ENTRIES} == set(layers.KINDS)


def test_choose() -> None:
    assert layers.choose() == list(layers.ENTRIES)
    assert {entry.name for entry in layers.choose(short=True)} == set(layers.SHORT)
    assert all("vgg" in entry.name for entry in layers.choose(["vgg"]))
    assert {entry.kind for entry in layers.choose(kinds=["pointwise"])} == {"pointwise"}
    assert layers.choose(["no such layer"]) == []


def test_networks_are_read() -> None:
    found = networks.load()
    first = found["resnet50"][0]
    assert first == networks.Use(square("resnet50-1", 1, 3, 224, 64, 7, stride=2, padding=3), times=1)
    assert sum(use.times for use in found["resnet50"]) == 53
    uses = [use for layers_of_one in found.values() for use in layers_of_one]
    assert len({use.layer.name for use in uses}) == len(uses)
    for use in uses:
        assert use.times > 0
        assert min(use.layer.output_size) > 0
        assert use.layer.in_channels % use.layer.groups == use.layer.out_channels % use.layer.groups == 0


def test_saved_run_comes_back(tmp_path: Path) -> None:
    run = run_of(line(), line("two", threads=2))
    results.save(run, tmp_path / "run.json")
    assert results.load(tmp_path / "run.json") == run


def changed(**values: object) -> str:
    """What a file of one line would be, with some of its values replaced."""
    return json.dumps({"format": results.FORMAT, **dataclasses.asdict(run_of(line())), **values})


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"format": 0}', '{"format": 1, "lines": [{}]}', "[" * 100_000),
        changed(limits=[]),
        changed(machine=3),
        changed(notes=[3]),
        changed(lines=[dataclasses.asdict(line(subject=0.0))]),
        changed(lines=[dataclasses.asdict(line(kind="other"))]),
        changed(limits=[{"dtype": "float32", "threads": 1, "peak_flops": -1, "bandwidth": 1}]),
    ],
    ids=range(12),
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(results.FormatError, match=r"other\.json"):
        results.load(path)
    assert main(["compare", str(path), str(path)]) == 2


def test_ratio_is_to_the_fastest_other() -> None:
    three = replace(line(), timings={**line().timings, "torch": Timing(0.5, 0.6)})
    assert three.best_peer("convgrad") == "torch"
    assert three.ratio("convgrad") == 0.5
    assert three.rate("convgrad") == 8e9
    alone = replace(line(), timings={"convgrad": Timing(1, 1)})
    assert alone.best_peer("convgrad") is None
    assert alone.ratio("convgrad") is None


def test_geometric_mean() -> None:
    assert results.geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert math.isnan(results.geometric_mean([]))


def test_runs_of_several_processes_are_joined() -> None:
    run = Run()
    run.add(run_of(line()))
    run.add(run_of(line(threads=2)))
    assert results.settings(run.lines) == [("float32", 1), ("float32", 2)]
    assert [run.limits_of(one).threads for one in run.lines] == [1, 2]
    assert run.notes == ["a note"]
    assert run.contenders() == ["convgrad", "numpy"]


def test_compare_takes_out_what_the_machine_did() -> None:
    """convgrad takes half the time, but so does NumPy to a quarter: the machine was faster."""
    (change,) = compare.changes(run_of(line(subject=1.0, peer=2.0)), run_of(line(subject=0.5, peer=1.5), line("new")))
    assert change.speed == 2
    assert change.others == pytest.approx(2 / 1.5)
    assert change.adjusted == pytest.approx(1.5)
    (other,) = compare.changes(run_of(line(peer=2.0)), run_of(line(peer=1.0)), "numpy")
    assert other.speed == 2


def test_commands_that_only_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    results.save(run_of(line(), line("tiny", kind="call")), paths[0])
    results.save(run_of(line(subject=0.5), line("tiny", kind="call")), paths[1])
    assert main(["compare", *map(str, paths)]) == 0
    assert "+100.0%" in capsys.readouterr().out
    assert main(["plot", str(paths[0])]) == 0
    assert (tmp_path / "ratios.svg").stat().st_size > 0
    assert (tmp_path / "roofline.svg").stat().st_size > 0
    capsys.readouterr()
    assert main(["list", "--short"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(layers.SHORT)
    assert main(["run", "--layers", "no such layer"]) == 2


def test_report_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    report.show(run_of(line(), line("tiny", kind="call")), Console(width=150))
    text = capsys.readouterr().out
    for part in (
        "a processor",
        "a note",
        "100 GFLOP/s",
        "10 GB/s",
        "8.0",
        "2.00",
        "tiny",
        "3.0",
        "geometric mean 2.00",
    ):
        assert part in text


def test_report_cuts_off_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """All contenders take more room than a usual terminal has: the table is wider then."""
    from rich.console import Console

    rates = {"convgrad": 17.0, "numpy": 11.25, "torch": 12.25, "onnxruntime": 13.25, "jax": 14.25, "scipy": 15.25}
    timings = {name: Timing(line().flop / rate / 1e9, 1.0) for name, rate in rates.items()}
    report.show(run_of(replace(line(), timings=timings)), Console(width=60))
    text = capsys.readouterr().out
    for figure in (*(f"{rate:.1f}" for rate in rates.values()), "17%", "1.11", "ort"):
        assert figure in text


def test_phases_are_shares_of_a_call() -> None:
    V, K = np.ones((1, 3, 8, 8)), np.ones((4, 3, 3, 3))
    found = phases.shares(lambda: cg.forward(V, K), seconds=0.0, least_rounds=2)
    assert tuple(found) == phases.PHASES
    assert min(found.values()) >= 0
    assert found["multiplying"] > 0
    assert found["call"] > 0
    assert sum(found.values()) == pytest.approx(1)


def test_phases_are_saved_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    measured = dict.fromkeys(phases.PHASES, 0.0) | {"multiplying": 0.75, "packing_input": 0.25}
    run = run_of(replace(line("with"), phases=measured), line("without"))
    results.save(run, tmp_path / "phases.json")
    assert results.load(tmp_path / "phases.json") == run
    phases.show(run, Console(width=150))
    text = capsys.readouterr().out
    for part in ("a note", "multiplying", "75%", "25%", "1000000", "8.0", "8%"):
        assert part in text
    assert "without" not in text


def test_phases_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """From the command line to the table, in a process of its own."""
    chosen = ("--layers", "worked", "--passes", "forward", "--dtype", "float32", "float64")
    assert main(["phases", *chosen, "--seconds", "0.001", "--output", str(tmp_path)]) == 0
    assert "worked" in capfd.readouterr().out
    run = results.load(tmp_path / "phases.json")
    assert [line.dtype for line in run.lines] == ["float32", "float64"]
    assert all(sum(line.phases.values()) == pytest.approx(1) for line in run.lines)
    assert main(["phases", "--layers", "no such layer"]) == 2


def test_environment_of_measuring() -> None:
    before = {"PATH": "/bin", "OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "7", "OMP_PROC_BIND": "true"}
    after, removed = environment.for_measuring(before, 3)
    assert removed == ["OPENBLAS_CORETYPE=Haswell"]
    assert after["PATH"] == "/bin"
    assert after["OMP_NUM_THREADS"] == after["OPENBLAS_NUM_THREADS"] == after["NPROC"] == "3"
    assert not {"OPENBLAS_CORETYPE", "OMP_PROC_BIND"} & set(after)


def test_limits_of_the_machine() -> None:
    for limit in (machine.peak_flops("float32", 1), machine.peak_flops("float64", 2), machine.bandwidth(1)):
        assert math.isfinite(limit)
        assert limit > 0


def test_task_is_handed_over() -> None:
    task = Task(["mnist"], ["convgrad"], 2, ["float64"], ["forward"], "nhwc", 0.1, 3)
    assert Task.from_text(task.to_text()) == task


@pytest.mark.parametrize("pass_name", ["forward", "grad_input"])
def test_results_lie_as_operands_do(pass_name: PassName) -> None:
    layer = square("several", 2, 4, 7, 6, 3)
    prepared = peers.make(peers.SUBJECT, "nhwc").prepare(layer, pass_name, arrange(layer.operands("float64"), "nhwc"))
    assert prepared is not None
    assert np.moveaxis(prepared.run(), 1, -1).flags.c_contiguous


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", peers.installed())
def test_contenders_agree(name: str, layout: Layout) -> None:
    """Each computes what convgrad computes, in either layout, with and without a stride and groups."""
    several = square("several", 2, 4, 7, 6, 3, stride=2, padding=1, dilation=2, groups=2)
    grouped = square("grouped", 2, 4, 7, 6, 3, padding=1, groups=2)
    single = square("single", 1, 1, 9, 1, 3, padding=1)
    subject, other = peers.make(peers.SUBJECT, layout), peers.make(name, layout)
    for layer, dtype in itertools.product((several, grouped, single), ("float32", "float64")):
        operands = arrange(layer.operands(dtype), layout)
        for pass_name in PASSES:
            with other.limit_threads(1):
                prepared = other.prepare(layer, pass_name, operands)
                expected = subject.prepare(layer, pass_name, operands)
                assert expected is not None
                if prepared is None:
                    lacks_pass = pass_name == "grad_kernel" or dtype == "float64" or layout == "nhwc"
                    assert (name == "scipy" and layer is not single) or (name == "onnxruntime" and lacks_pass)
                    continue
                found = prepared.as_array(prepared.run())
            allowed = 1e-12 if dtype == "float64" else 1e-5
            np.testing.assert_allclose(found, expected.run(), rtol=allowed, atol=allowed)


@pytest.mark.skipif("onnxruntime" not in peers.installed(), reason="onnxruntime is not installed")
def test_both_ways_of_onnxruntime_agree() -> None:
    from bench.peers import onnxruntime_peer

    peer = onnxruntime_peer.make("nchw")
    for layer in (square("grouped", 2, 4, 7, 6, 3, padding=1, dilation=2, groups=2), square("plain", 1, 3, 8, 5, 4)):
        operands = layer.operands("float32")
        expected = cg.grad_input(operands.grad_output, operands.kernel, layer.input_size, **layer.options)
        nodes = onnxruntime_peer.grad_input_nodes(layer, operands)
        assert [node.operator for node in nodes] == ["ConvTranspose", "Conv"]
        for node in nodes:
            np.testing.assert_allclose(peer.prepare_node(node).run(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not memory.available(), reason="the system does not count")
def test_memory_of_stored_columns_is_seen() -> None:
    """In a process of its own: NumPy stores the windows of a 9x9 kernel, 504 x 504 x 81 numbers; convgrad does not."""
    entry = next(entry for entry in layers.ENTRIES if entry.name == "image-filter")
    timed = replace(line(entry.name), timings={"numpy": Timing(1, 1, "windows")})
    notes: list[str] = []
    (found,) = memory.measure([entry], ["convgrad", "numpy"], ["forward"], "float32", "nchw", [timed], notes)
    assert found.extra_bytes["numpy"] > 0.95 * 504 * 504 * 81 * 4
    assert found.extra_bytes["convgrad"] < 4 << 20
    assert notes == []


@pytest.mark.skipif(not memory.available(), reason="the system does not count")
def test_memory_says_whose_measurement_failed() -> None:
    entry = next(entry for entry in layers.ENTRIES if entry.name == "worked-example")
    notes: list[str] = []
    (found,) = memory.measure([entry], ["nobody"], ["forward"], "float32", "nchw", [], notes)
    assert found.extra_bytes == {}
    assert len(notes) == 1
    assert "nobody" in notes[0]


class Failing:
    """A contender that cannot do anything."""

    name = "failing"

    def limit_threads(self, count: int) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared | None:
        raise LookupError("[enforce fail] no memory")


def test_one_that_fails_is_left_out() -> None:
    layer = square("small", 1, 2, 6, 2, 3)
    effort = Effort(seconds=0.001, least_rounds=1, sample_seconds=0.0)
    failures: dict[str, str] = {}
    contenders = [peers.make(peers.SUBJECT), Failing()]
    operands = layer.operands("float32")
    found = measure(contenders, layer, "forward", operands, effort=effort, failures=failures)
    assert list(found.timings) == ["convgrad"]
    assert failures == {"failing": "LookupError: [enforce fail] no memory"}
    for wrong in (contenders, contenders[::-1]):
        noted = None if wrong is contenders else failures
        with pytest.raises(LookupError):
            measure(wrong, layer, "forward", operands, effort=effort, failures=noted)


def test_run_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """From the command line to the files; what is asked for twice is measured once."""
    chosen = ("--layers", "worked", "--passes", "forward", "forward", "--threads", "1", "1", "--seconds", "0.001")
    assert main(["run", *chosen, "--peers", "numpy", "--output", str(tmp_path), "--memory", "worked"]) == 0
    assert "microseconds per call" in capfd.readouterr().out
    run = results.load(tmp_path / "results.json")
    assert [(one.layer, one.pass_name, set(one.timings)) for one in run.lines] == [
        ("worked-example", "forward", {"convgrad", "numpy"})
    ]
    assert (tmp_path / "ratios.svg").exists() == (importlib.util.find_spec("matplotlib") is not None)
    assert [one.layer for one in run.memory] == (["worked-example"] if memory.available() else [])
    assert main(["run", *chosen, "--peers", "--output", str(tmp_path)]) == 0
    assert not (tmp_path / "ratios.svg").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seconds", "0"),
        ("--seconds", "-1"),
        ("--seconds", "nan"),
        ("--threads", "0"),
        ("--threads", "abc"),
        ("--threads", "1025"),
        ("--peers", "nobody"),
    ],
)
def test_wrong_options_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["run", "--layers", "worked", *arguments])
    assert raised.value.code == 2
    assert arguments[1] in capsys.readouterr().err


def test_what_matches_nothing_is_refused(tmp_path: Path) -> None:
    output = ("--output", str(tmp_path))
    assert main(["run", "--layers", "worked", "--memory", "no such layer", *output]) == 2
    assert main(["list", "--layers", "no such layer"]) == 2
    file = tmp_path / "file"
    file.touch()
    assert main(["run", "--layers", "worked", "--output", str(file / "folder")]) == 2


def test_run_without_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    results.save(run_of(), tmp_path / "empty.json")
    assert main(["plot", str(tmp_path / "empty.json")]) == 0
    assert "nothing was timed" in capsys.readouterr().out
    assert main(["compare", *[str(tmp_path / "empty.json")] * 2]) == 2


def test_compare_says_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    results.save(run_of(line(), line("two"), line("three")), paths[0])
    results.save(replace(run_of(line()), layout="nhwc"), paths[1])
    assert main(["compare", *map(str, paths)]) == 0
    text = capsys.readouterr().out
    assert "2 of 3 lines are only before" in text
    assert "nchw and nhwc" in text
    assert main(["compare", *map(str, paths), "--contender", "nobody"]) == 2


def test_messages_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    run = run_of(line())
    run.notes.append("[enforce fail at x] [/usr/lib/x.so]")
    run.disagreements.append("[1] and [/2]")
    report.show(run, Console(width=150))
    text = capsys.readouterr().out
    assert "[enforce fail at x] [/usr/lib/x.so]" in text
    assert "[1] and [/2]" in text
