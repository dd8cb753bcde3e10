"""A pack has the provenance of its wheels, if their index has it, and passes it on."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import names
from tests.support.here import run_here
from tests.support.packing import LINUX, Packer, files_of
from tests.support.provenance import provenance_of
from wheeltarget.commands.pack.verify import PackVerifyRequest, verify_pack

APP = "app-1.0-py3-none-any.whl"


def test_provenance_in_a_pack(run: Packer, tmp_path: Path) -> None:
    content = provenance_of(run.shelf / APP)
    run.index.attest(APP, run.index.add_file("/integrity/app", content))
    result = run("app", "--tags", LINUX)
    assert result.exit_code == 0, result.stderr
    assert "provenance" not in result.stderr
    pack = run.here / "mypack"
    there = files_of(pack)
    assert {name for name in there if name.endswith(".provenance")} == {f"wheels/{APP}.provenance"}
    assert there[f"wheels/{APP}.provenance"] == content
    assert f"  wheels/{APP}.provenance\n".encode() in there["manifest.sha256"]
    assert b"[[packages.attestation-identities]]" in there[f"locks/pylock.{LINUX}.toml"]
    assert verify_pack(PackVerifyRequest(str(pack))).findings == ()
    # On the other side, a wheelhouse gets it from the pack, without an index.
    run.index.close()
    lock = f"here/mypack/locks/pylock.{LINUX}.toml"
    done = run_here("download", "-r", lock, "-d", "house", "--provenance", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert f"{APP}.provenance" in names(tmp_path / "house")
    (pack / f"wheels/{APP}.provenance").write_bytes(b"{}")
    assert verify_pack(PackVerifyRequest(str(pack))).findings
