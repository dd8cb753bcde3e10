"""What is left out for a target: by the command line, its definition, and its service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wheeltarget.errors import InputError
from wheeltarget.targets.catalog import look_up, look_up_tag
from wheeltarget.targets.exclusions import Exclusion, Exclusions
from wheeltarget.targets.leave_outs import ALL_KEPT, note_left_out, read_leave_outs
from wheeltarget.targets.provided import provided_projects

LAMBDA = "aws-lambda-python3.12-arm64"
TAG = look_up_tag("cp312-cp312-manylinux_2_28_x86_64")


def test_what_a_service_provides_is_left_out_if_asked() -> None:
    target = look_up("target", LAMBDA, "")
    names = tuple(each.name for each in provided_projects(LAMBDA))
    assert {"boto3", "botocore"} < set(names)
    asked = read_leave_outs([], skip_provided=True)
    assert asked.of(target).patterns == names
    assert not asked.is_unknown(target)
    assert not read_leave_outs([]).of(target)


@pytest.mark.parametrize("target", [None, TAG])
def test_nothing_is_known_of_other_targets(target: object) -> None:
    asked = read_leave_outs(["x"], skip_provided=True)
    assert asked.is_unknown(target)  # type: ignore[arg-type]
    assert asked.of(target).patterns == ("x",)  # type: ignore[arg-type]
    assert not ALL_KEPT.is_unknown(target)  # type: ignore[arg-type]


def test_all_add_up() -> None:
    target = replace(TAG, excluded=(Exclusion("own", "its definition"),))
    found = read_leave_outs(["b,a"]).of(target, [Exclusion("line", "exclude=")])
    assert found.patterns == ("a", "b", "line", "own")
    with pytest.raises(InputError):
        read_leave_outs(["a b"])


def test_note_for_each_origin() -> None:
    excluded = Exclusions((Exclusion("a"), Exclusion("b*"), Exclusion("c", "its definition")))
    assert list(note_left_out(excluded, ["b1", "a", "c", "b2", "other"], "box")) == [
        "left out a, b1 and b2, and what only they need, for box, as --exclude asks",
        "left out c, and what only it needs, for box, as its definition asks",
    ]
    (note,) = note_left_out(excluded, ["a"], "box", ("d", "e"))
    assert note == "left out a, and what only it needs (d, e), for box, as --exclude asks"
