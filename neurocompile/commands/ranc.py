"""`neurocompile ranc`: a core network as RANC's JSON, and RANC's JSON as a core network."""

from __future__ import annotations

from pathlib import Path

import click

from neurocompile.commands.terminal import common, show
from neurocompile.diagnostics import Diagnostic, UsageError


@click.command(short_help="Convert a TrueNorth network to and from RANC's JSON.")
@click.argument("network", type=click.Path(path_type=Path), metavar="BUILD|FILE")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="The .json or .safetensors file to write.")
@common
def ranc(network: Path, output: Path) -> int:
    """Write a build for TrueNorth, or its network.safetensors, as RANC's JSON, or the way back.

    A .json FILE becomes a core network, all else JSON with its configuration beside it
    (NAME_config.json), which RANC's simulator reads. What RANC cannot express is refused by name.
    """
    from neurocompile.backends.truenorth.network_file import load_network, save_network
    from neurocompile.backends.truenorth.ranc import write_ranc
    from neurocompile.backends.truenorth.ranc_import import read_ranc

    imported = network.suffix == ".json"
    if output.suffix != (".safetensors" if imported else ".json"):
        raise UsageError(Diagnostic("NC009", values={
            "option": "--output", "value": f"`{output}`",
            "reason": f"{'a core network' if imported else 'JSON'} is written here"}, hint=(
                f"name a {'.safetensors' if imported else '.json'} file")))
    try:
        if imported:
            read, _ = read_ranc(network)
            save_network(read, output)
            show(f"wrote {output}: {len(read.cores):,} cores, {read.ticks_per_sample:,} ticks")
            return 0
        read = load_network(_program(network))
        config = output.with_name(f"{output.stem}_config.json")
        write_ranc(read, output, config)
    except OSError as error:
        raise UsageError(Diagnostic("NC009", values={
            "option": "--output", "value": f"`{output}`",
            "reason": error.strerror or str(error)})) from None
    show(f"wrote {output} and {config}: {len(read.cores):,} cores, "
         f"{read.ticks_per_sample + 1:,} ticks a sample")
    return 0


def _program(path: Path) -> Path:
    """The core network of a build, or the file itself. Raises UsageError as `open_build` does."""
    if not path.is_dir():
        return path
    from neurocompile.backends.truenorth.emit import NETWORK
    from neurocompile.builds.directory import open_build

    file = open_build(path).folder / "program" / NETWORK
    if not file.is_file():
        raise UsageError(Diagnostic("NC007", values={
            "what": f"a core network in `{path}`", "reason": "the build is for another family"}))
    return file
