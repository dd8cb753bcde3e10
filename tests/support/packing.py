"""Make packs against an index of three projects for two targets, and change them."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.support.cli import Result, names
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

LINUX = "cp36-cp36m-manylinux2014_x86_64"
WINDOWS = "cp313-cp313-win_amd64"
BOTH = ("--tags", f"{LINUX},{WINDOWS}")


class Packer:
    """Make packs against an index."""

    def __init__(self, index: LocalIndex, here: Path) -> None:
        self.index, self.here = index, here
        self.shelf = here.parent / "index"
        make_wheel(
            self.shelf, "app", requires=["lib>=1", "win ; sys_platform == 'win32'"],
            requires_python=">=3.6",
        )  # fmt: skip
        for tag in ("cp36-cp36m-manylinux2014_x86_64", "cp313-cp313-win_amd64"):
            make_wheel(self.shelf, "lib", "1.0", tag=tag)
        make_wheel(self.shelf, "win")

    def __call__(
        self, *arguments: str, output: str = "mypack", with_pip: bool = False, **variables: str
    ) -> Result:
        """Run ``wheeltarget pack``."""
        options = [*self.index.pip_args(), "-o", output, *([] if with_pip else ["--no-pip"])]
        return run_here("pack", *arguments, *options, cwd=self.here, variables=variables)

    def make(
        self, *arguments: str, output: str = "mypack", with_pip: bool = False, **variables: str
    ) -> Path:
        """Make a pack, and return its path."""
        arguments = arguments or ("app", *BOTH)
        result = self(*arguments, output=output, with_pip=with_pip, **variables)
        assert result.exit_code == 0, result.stderr
        return self.here / output

    def refuse(self, *arguments: str, output: str = "mypack", exit_code: int = 2) -> str:
        """Return the error of a pack that cannot be made, after which nothing has changed."""
        before = names(self.here)
        result = self(*arguments, output=output)
        assert (result.exit_code, result.stdout) == (exit_code, ""), result.stderr
        assert names(self.here) == before
        return result.stderr[result.stderr.index("error: ") :]


def files_of(pack: Path) -> dict[str, bytes]:
    """Return the content of each file of a pack, by its path there."""
    if pack.is_dir():
        paths = (path for path in pack.rglob("*") if path.is_file())
        return {path.relative_to(pack).as_posix(): path.read_bytes() for path in paths}
    if pack.suffix == ".zip":
        with zipfile.ZipFile(pack) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
    else:
        with tarfile.open(pack, "r:gz") as archive_:
            members = [(each.name, archive_.extractfile(each)) for each in archive_.getmembers()]
            found = {name: stream.read() for name, stream in members if stream}
    return {name.partition("/")[2]: content for name, content in found.items()}


def copied(pack: Path, change: Callable[[Path], object], name: str = "changed") -> Path:
    """Copy the folder of a pack, and change the copy."""
    copy = pack.with_name(name)
    shutil.copytree(pack, copy)
    change(copy)
    return copy


def zipped(folder: Path, **more: bytes) -> Path:
    """Write the archive of a folder, and of more members by their names."""
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files_of(folder).items()):
            archive.writestr(f"{folder.name}/{name}", content)
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def tarred(folder: Path, *members: tarfile.TarInfo) -> Path:
    """Write the archive of a folder, and of more members without content."""
    path = folder.with_name(f"{folder.name}.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return path
