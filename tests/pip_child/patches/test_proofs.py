"""Objects of pip for proofs, with a pip that is not patched."""

from __future__ import annotations

from wheeltarget.pip_child.patches.proofs import proof_finder, wheel_that_requires


def test_finder_looks_nowhere_and_is_for_a_python_that_no_machine_has() -> None:
    finder = proof_finder()
    assert finder.find_all_candidates("proof") == []
    assert finder.target_python.py_version_info == (9, 9, 9)


def test_wheel_has_one_dependency() -> None:
    wheel = wheel_that_requires("lib>=1 ; python_version >= '3'")
    assert [each.name for each in wheel.iter_dependencies()] == ["lib"]
