"""The package list in pyproject.toml is complete, and a wheel from the sdist holds everything."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.paths import ROOT

MOUNTS = ("passes", "backends", "targets")


def packages() -> set[str]:
    names = {"neurocompile.targets"}  # data only, no __init__.py
    for init in ROOT.glob("*/**/__init__.py"):
        parts = init.parent.relative_to(ROOT).parts
        if parts[0] == "neurocompile" and parts[1:2] not in [(m,) for m in MOUNTS]:
            names.add(".".join(parts))
        elif parts[0] in MOUNTS:
            names.add(".".join(("neurocompile", *parts)))
    return names


def test_package_list_is_complete() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(data["tool"]["setuptools"]["packages"]) == packages()


@pytest.mark.parametrize("name", MOUNTS)
def test_mapped_folders_are_linked_into_the_package(name: str) -> None:
    assert (ROOT / "neurocompile" / name).resolve() == ROOT / name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the sdist, as an installer without the checkout builds it."""
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation"]
    subprocess.run([*build, "--sdist", "--outdir", str(out), str(ROOT)], check=True,
                   capture_output=True)
    sdist, = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(out, filter="data")
    folder = out / sdist.name.removesuffix(".tar.gz")
    subprocess.run([*build, "--wheel", "--outdir", str(out), str(folder)], check=True,
                   capture_output=True)
    return next(out.glob("*.whl"))


def test_wheel_from_the_sdist_is_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        top, = (n for n in names if n.endswith("top_level.txt"))
        assert archive.read(top).decode().split() == ["neurocompile"]
    for folder in ("neurocompile", *MOUNTS):
        for path in (ROOT / folder).rglob("*"):
            if path.is_symlink() or any((ROOT / "neurocompile" / m) in path.parents for m in MOUNTS):
                continue
            if path.suffix in {".py", ".toml", ".j2", ".json", ".typed"} and "__pycache__" not in path.parts:
                inside = path.relative_to(ROOT).as_posix()
                inside = inside if folder == "neurocompile" else f"neurocompile/{inside}"
                assert inside in names


def test_wheel_runs_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target",
                    str(site), str(wheel)], check=True, capture_output=True)
    process = subprocess.run(
        [sys.executable, "-c", ("import neurocompile, sys; from neurocompile.families.targets import "
         "load_target; print(neurocompile.__file__, load_target('loihi2').name)")],
        check=True, capture_output=True, text=True, cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"})
    assert str(site) in process.stdout
    assert "loihi2" in process.stdout
