"""The bits of results, written down: hashes of what the layers of bits_layers.py give, in bits/*.json.

    python tests/bits.py            # compares what this copy of the library gives
    python tests/bits.py --write    # writes it down

All kernel sets that this processor can run take part. With CONVGRAD_CACHE_MIB=0 in the environment results go around
the caches, which changes no bit either.

A change of bits is a decision. It has a number, bits_version() in csrc/plan/peak.cpp, and --write writes no other bits
under a number that has some already. Layers may be added and left out at any time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from convgrad import _core
from passes import DTYPES
from subprocesses import run_python

FOLDER = Path(__file__).with_name("bits")
PROBE = Path(__file__).with_name("bits_probe.py")

# What is hashed of each layer, once for each dtype.
RESULTS = ("forward", "forward without bias", "grad_kernel", "grad_input", "grad_bias")
COLUMNS = tuple(f"{dtype} {result}" for dtype, result in itertools.product(DTYPES, RESULTS))

MOST_NAMED = 20
ADVICE = """A change of bits is a decision: raise bits_version in csrc/plan/peak.cpp, run `python tests/bits.py --write`
on a machine with AVX2 or better, and say in the commit why. Layers that are new need --write alone."""

# By layer, the hashes of COLUMNS.
Hashes: TypeAlias = dict[str, list[str]]


@dataclass(frozen=True)
class Found:
    """What one kernel set gives: all hashes by layout and number of threads, those of all layers first."""

    fused: bool  # products are added without being rounded first, which gives other bits
    by_setting: dict[str, Hashes]


def compute(isa: str) -> Found:
    """In a process of its own, where this kernel set runs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "found.json")
        # Threads that wait for each other spinning would take the processor from other tests.
        options = {"CONVGRAD_ISA": isa, "OMP_WAIT_POLICY": "passive"}
        done = run_python(str(PROBE), isa, str(file), timeout=1200, **options)
        if done.returncode != 0:
            raise RuntimeError(f"{PROBE.name} {isa}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return Found(**json.loads(file.read_text()))


def record_file(fused: bool, folder: Path = FOLDER) -> Path:
    return folder / ("fused.json" if fused else "unfused.json")


@dataclass(frozen=True)
class Record:
    """A file of hashes."""

    bits_version: int
    layers: Hashes

    @staticmethod
    def load(file: Path) -> Record:
        content = json.loads(file.read_text())
        assert content["columns"] == list(COLUMNS), f"{file}: of other results than {COLUMNS}"
        return Record(content["bits_version"], {name: text.split() for name, text in content["layers"].items()})

    def save(self, file: Path) -> None:
        """One line a layer, so that a diff shows which have changed."""
        layers = ",\n".join(f"{json.dumps(name)}: {json.dumps(' '.join(row))}" for name, row in self.layers.items())
        head = f'"bits_version": {self.bits_version},\n"columns": {json.dumps(COLUMNS)}'
        file.write_text(f'{{\n{head},\n"layers": {{\n{layers}\n}}\n}}\n')


def differences(recorded: Hashes, by_setting: Mapping[str, Hashes]) -> list[str]:
    """One line for each hash that is another, and for each layer that only one side has."""
    computed = set().union(*by_setting.values())
    lines = [f"{layer}: not recorded" for layer in sorted(computed - recorded.keys())]
    lines += [f"{layer}: recorded, but no longer in bits_layers.py" for layer in sorted(recorded.keys() - computed)]
    for setting, hashes in by_setting.items():
        for layer in (name for name in hashes if name in recorded):
            pairs = zip(COLUMNS, hashes[layer], recorded[layer], strict=True)
            lines += [f"{layer}: {column}, {setting}" for column, now, before in pairs if now != before]
    return lines


def report(lines: list[str]) -> str:
    """How many differences there are, the first ones, and what to do."""
    more = [f"... and {len(lines) - MOST_NAMED} more"] if len(lines) > MOST_NAMED else []
    return "\n".join([f"Differences from the bits recorded: {len(lines)}", *lines[:MOST_NAMED], *more, ADVICE])


class UndecidedError(Exception):
    """Bits that must not be written down as they are."""


def write(found: Iterable[Found], bits_version: int, folder: Path = FOLDER) -> list[Path]:
    """Writes a file for each way to round of which something was found, all or none.

    Raises
    ------
    UndecidedError
        Layouts, threads or kernel sets that round alike differ; or a file has other bits under the same number.
    """
    records: dict[Path, Record] = {}
    for one in found:
        first = next(iter(one.by_setting.values()))
        record = records.setdefault(record_file(one.fused, folder), Record(bits_version, first))
        if lines := differences(record.layers, one.by_setting):
            first_ones = "\n".join(lines[:MOST_NAMED])
            raise UndecidedError(f"Bits depend on more than the shape, {len(lines)} times:\n{first_ones}")
    for file, record in records.items():
        if file.exists():
            _check_decided(Record.load(file), record)
    for file, record in records.items():
        record.save(file)
    return list(records)


def _check_decided(before: Record, after: Record) -> None:
    """Raises UndecidedError if a layer that both have has changed, but not the number."""
    kept = {name: after.layers[name] for name in before.layers if name in after.layers}
    lines = differences({name: before.layers[name] for name in kept}, {f"bits_version {after.bits_version}": kept})
    if lines and before.bits_version == after.bits_version:
        raise UndecidedError(report(lines))


def compare(found: Iterable[Found], folder: Path = FOLDER) -> list[str]:
    """The differences from the files."""
    return [
        line
        for one in found
        for line in differences(Record.load(record_file(one.fused, folder)).layers, one.by_setting)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares the bits of results with those recorded.")
    parser.add_argument("--write", action="store_true", help="record them instead")
    arguments = parser.parse_args()
    found = [compute(isa) for isa in _core.supported_isas()]
    if arguments.write:
        try:
            print(*(f"Written: {file}" for file in write(found, _core.bits_version())), sep="\n")
        except UndecidedError as error:
            sys.exit(str(error))
        return 0
    lines = compare(found)
    print(report(lines) if lines else "The bits are those recorded.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
