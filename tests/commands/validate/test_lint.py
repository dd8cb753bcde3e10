"""Findings and fixes: every code, its place, laws of edits, and that nothing else is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wheeltarget.commands.validate.codes import CODES
from wheeltarget.commands.validate.lint import (
    Edit,
    apply_edits,
    check_text,
    clause_edits,
    fix_text,
    head_of,
    layout_edits,
    leave_out,
)
from wheeltarget.errors import AnnotationError
from wheeltarget.requirements.annotations import Kind, parse_line
from wheeltarget.requirements.parser import SourceLine, read_lines
from wheeltarget.targets.catalog import look_up

pytestmark = pytest.mark.thorough

W = "cp39-cp39-win32"
X = "cp310-cp310-win_amd64"

CASES: dict[str, list[tuple[str, int, str]]] = {
    "WT001": [
        (f"x ; tag={W}", 5, f"x ; tags={W}"),
        (f"x ; Tags = {W} , {X}", 5, f"x ; tags={W},{X}"),
        (f"x ; TARGETS={W}", 5, f"x ; tags={W}"),
        ("x ; Target=host", 5, "x ; target=host"),
        ("x ; excludes = y", 5, "x ; exclude=y"),
        (f"x ; os_name == 'nt' ; tag={W}", 23, f"x ; os_name == 'nt' ; tags={W}"),
        (f"x ; tag={W} ; Tag={X}", 5, f"x ; tags={W} ; tags={X}"),
        ("x ; platform=linux", 5, ""),
        (f"x ; tag={W} and more", 5, ""),
        (f"x ; tag={W} ; tags=", 5, ""),
        ("x ; tag=host", 5, ""),
    ],
    "WT002": [("x ; tags=", 5, ""), ("# target=", 3, "")],
    "WT003": [(f"x ; tags={W},", 25, "")],
    "WT004": [
        (f"x ; tags={W} {X}", 10, f"x ; tags={W},{X}"),
        (f"x # tags={W}  {X} # why", 10, f"x # tags={W},{X} # why"),
        (f"x ; tags={W} or so", 10, ""),
    ],
    "WT005": [
        (f"x ; tags: {W} --hash=sha256:00", 5, f"x ; tags={W} --hash=sha256:00"),
        (f"x ; tags == {W}  # why", 5, f"x ; tags={W}  # why"),
        (f"x ; tags {W}", 5, f"x ; tags={W}"),
        ("x ; target: host", 5, "x ; target=host"),
        ("x ; tags", 5, ""),
    ],
    "WT006": [
        (f"x ; tags={W} ; python_version < '3'", 28, f"x ; python_version < '3' ; tags={W}"),
        (
            f"x>1 ; tags={W} ; target=host ; os_name == 'a' --hash=sha256:00",
            44,
            f"x>1 ; os_name == 'a' ; tags={W} ; target=host --hash=sha256:00",
        ),
        (
            f"x ; tags={W} ; os_name == 'a' ; target=host",
            28,
            f"x ; os_name == 'a' ; tags={W} ; target=host",
        ),
        (f"x ; os_name == 'a' ; tags={W} ; os_name == 'b'", 45, ""),
        (f"x ; tags={W} ; nonsense", 28, ""),
    ],
    "WT007": [(f"; tags={W}", 1, "")],
    "WT008": [(f"./x\\; tags={W}", 5, "")],
    "WT009": [
        (f"# tag={W}", 3, f"# tags={W}"),
        (f"x  # tags: {W},{X}", 6, f"x  # tags={W},{X}"),
        (f"#Tags={W}", 2, f"# tags={W}"),
        (f"x # tags {W}", 5, f"x # tags={W}"),
        ("# TARGET=host", 3, "# target=host"),
        ("x # Exclude=y", 5, "x # exclude=y"),
        (f"x # why; tags: {W}", 10, ""),
    ],
    "WT010": [(f"x # why tags={W}", 9, ""), (f"x # why; tags={W}", 10, "")],
    "WT011": [
        (f"x --hash=sha256:00 ; tags={W}", 22, f"x ; tags={W} --hash=sha256:00"),
        (
            f"x ; os_name == 'a' -C a=b ; tags={W} ; target=host # c",
            29,
            f"x ; os_name == 'a' ; tags={W} ; target=host -C a=b # c",
        ),
        (
            f"x \\\n  --hash=sha256:00 \\\n  --hash=sha256:01 ; tags={W}\ny",
            22,
            f"x ; tags={W} \\\n  --hash=sha256:00 \\\n  --hash=sha256:01\ny",
        ),
        (f"x --hash=sha256:00 ; tags: {W}", 22, ""),
        (f"x --hash=sha256:00 tags={W}", 20, ""),
    ],
    "WT012": [
        (f"-e ./x ; tags={W}", 10, f"-e ./x # tags={W}"),
        (f"-e ./x; tags={W} ; target=host # c", 9, f"-e ./x # tags={W} ; target=host # c"),
        (f"-e ./x ; tags={W} --config-settings a=b", 10, ""),
    ],
    "WT013": [(f"--pre ; tags={W}", 9, ""), ("--pre # target=host", 9, "")],
    "WT014": [
        (f"https://x.invalid/a.whl;tags={W}", 24, f"https://x.invalid/a.whl ; tags={W}"),
        (f"https://x.invalid/a.whl#tags={W}", 24, ""),
    ],
    "WT015": [
        (f"x tags={W}", 3, f"x ; tags={W}"),
        ("x==1,target=host # c", 6, "x==1 ; target=host # c"),
        (f"x ; tags={W} exclude=y", 26, f"x ; tags={W} ; exclude=y"),
        (f"x[y]==1\ttag: {W} --hash=sha256:00", 9, f"x[y]==1 ; tags={W} --hash=sha256:00"),
        (f"x tags={W} ; os_name == 'nt'", 3, f"x ; os_name == 'nt' ; tags={W}"),
        (f"x ; os_name == 'nt' tags={W}", 21, f"x ; os_name == 'nt' ; tags={W}"),
        (f"x#tags={W}", 3, f"x # tags={W}"),
        (f"x ; tags={W}, tags={X}", 27, f"x ; tags={W} ; tags={X}"),
        (f"# tags={W} target=host", 24, f"# tags={W} ; target=host"),
        (
            "x @ https://x.invalid/a.whl target=host",
            29,
            "x @ https://x.invalid/a.whl ; target=host",
        ),
        (f"x ; os_name == 'nt' and tags={W}", 25, ""),
        (f"x & tags={W}", 5, ""),
        (f"./x tags={W}", 5, ""),
        (f"x tags={W} is needed", 3, ""),
    ],
    "WT016": [
        (f"x \uff1b tags={W}", 3, f"x ; tags={W}"),
        (f"x ; tags\uff1d{W}\uff0c{X}", 9, f"x ; tags={W},{X}"),
        (f"x \uff03 tags={W} # \uff1b", 3, f"x # tags={W} # \uff1b"),
        ("x # tags=cp39\u2011cp39\u2013win32", 14, f"x # tags={W}"),
        (f"# tags=\u201c{W}\u201d", 8, f"# tags={W}"),
        (f"x ; \u200btags={W}\ufeff", 5, f"x ; tags={W}"),
        ("x\uff1btarget=host", 2, "x ; target=host"),
    ],
    "WT017": [
        (f"x ; tags='{W}'", 10, f"x ; tags={W}"),
        (f'x ; tags="{W}", "{X}" --hash=sha256:00', 10, f"x ; tags={W},{X} --hash=sha256:00"),
        (f"# tags=[{W}]", 8, f"# tags={W}"),
        ("x # target='host'", 12, "x # target=host"),
        (f'x ; "tags={W}"', 5, f"x ; tags={W}"),
        ('x ; tags="${TAG}"', 10, ""),
    ],
    "WT018": [
        (f"x ;; tags={W}", 3, f"x ; tags={W}"),
        (f"x ; tags={W} ;", 26, f"x ; tags={W}"),
        (f"x ; # tags={W}", 3, f"x # tags={W}"),
        (f"x ; os_name == 'nt' ; ; tags={W}; # c", 21, f"x ; os_name == 'nt' ; tags={W} # c"),
    ],
    "WT019": [
        (f"x --tags={W}", 5, f"x ; tags={W}"),
        (f"x --tags {W} --hash=sha256:00", 5, f"x ; tags={W} --hash=sha256:00"),
        ("--target=host", 3, "# target=host"),
        ("x --exclude y", 5, "x ; exclude=y"),
        (f"--tags {W}", 3, f"# tags={W}"),
        (f"-r y.txt --tags={W}", 12, ""),
        ("x --tags", 5, ""),
    ],
    "WT020": [
        (f"x ; {W}", 5, f"x ; tags={W}"),
        (f"x>1 {W} , {X}", 5, f"x>1 ; tags={W},{X}"),
        (f"x ; os_name == 'nt' ; {W}", 23, f"x ; os_name == 'nt' ; tags={W}"),
        (f"x ; {W} ; tags={X}", 5, f"x ; tags={W} ; tags={X}"),
        (f"./x ; {W}", 7, ""),
    ],
    "WT021": [
        ("x ; exclude=y>1", 13, ""),
        (f"x ; exclude=y, * ; tags={W}", 16, ""),
        ("x # exclude=y z", 13, ""),
        ("# exclude=a,[b]", 13, ""),
    ],
    "WT101": [("x ; tags=cp39", 10, "")],
    "WT102": [("x ; tags=cp39-cp39-win+32", 10, "")],
    "WT103": [
        ("x ; tags=cp3.9-cp39-win32", 10, f"x ; tags={W}"),
        ("x ; tags=cp3.7-cp37-win32", 10, "x ; tags=cp37-cp37m-win32"),
        ("x ; tags=3.9-none-any", 10, ""),
        ("x ; tags=cp3.99-cp399-win32", 10, ""),
        ("x ; tags=ip39-none-any", 10, ""),
    ],
    "WT104": [("x ; tags=py2.py3-none-any", 10, "")],
    "WT105": [("x ; tags=py3-none-any", 10, "")],
    "WT106": [("x ; tags=cp399-cp399-win32", 10, "")],
    "WT107": [
        ("x ; tags=cp39-cp39-win32.any", 10, ""),
        ("x ; tags=cp39-cp39-win32.win_amd64", 10, ""),
        ("x ; tags=cp39-cp39-linux_x86_64.musllinux_1_1_x86_64.manylinux1_x86_64", 10, ""),
    ],
    "WT108": [
        ("x ; tags=cp37-cp37-win32", 10, "x ; tags=cp37-cp37m-win32"),
        ("x # tags=CP36-cp36-win32 # c", 10, "x # tags=cp36-cp36m-win32 # c"),
        ("x ; tags=cp39-cp39m-win32", 10, f"x ; tags={W}"),
        ("x ; tags=cp27-cp27-win32", 10, "x ; tags=cp27-cp27m-win32"),
        ("x ; tags=cp27-cp27-linux_x86_64", 10, ""),
        ("x ; tags=cp39-cp38-win32", 10, ""),
        ("x ; tags=cp312-cp312t-win32", 10, ""),
        (
            f"x ; tags={W}, \\\n  cp37-cp37-win32 --hash=sha256:00",
            3,
            f"x ; tags={W}, \\\n  cp37-cp37m-win32 --hash=sha256:00",
        ),
    ],
    "WT109": [("x ; tags=cp39-abi3-win32", 10, "")],
    "WT110": [("x ; tags=cp39-cp39.abi3t-win32", 10, "")],
    "WT111": [("x ; tags=cp39-cp39-any", 10, "")],
    "WT112": [("x ; tags=py39-cp39-win32", 10, "")],
    "WT113": [("x ; tags=pp310-pp310-win32", 10, "")],
    "WT120": [
        ("x ; tags=cp39-cp39-win64", 10, "x ; tags=cp39-cp39-win_amd64"),
        ("x ; tags=cp39-cp39-windows", 10, ""),
    ],
    "WT121": [("x ; tags=cp39-cp39-manylinux2013_x86_64", 10, "")],
    "WT122": [
        ("x ; tags=cp39-cp39-manylinux_3_1_x86_64", 10, ""),
        ("x ; tags=cp39-cp39-musllinux_2_1_x86_64", 10, ""),
    ],
    "WT123": [("x ; tags=cp39-cp39-manylinux2010_aarch64", 10, "")],
    "WT124": [
        (
            "x ; tags=cp39-cp39-linux_x86_64.manylinux2014_amd64",
            10,
            "x ; tags=cp39-cp39-linux_x86_64.manylinux2014_x86_64",
        ),
        ("x ; tags=cp39-cp39-linux_m68k", 10, ""),
    ],
    "WT125": [("x ; tags=cp39-cp39-manylinux2014_armv6l", 10, "")],
    "WT126": [("x ; tags=cp39-cp39-macosx_11_0_universal2", 10, "")],
    "WT127": [("x ; tags=cp39-cp39-macosx_11_0_m68k", 10, "")],
    "WT128": [("x ; tags=cp39-cp39-macosx_10_9_arm64", 10, "")],
    "WT129": [("x ; tags=cp313-cp313-ios_13_0_arm64", 10, "")],
    "WT130": [("x ; tags=cp313-cp313-ios_11_0_arm64_iphoneos", 10, "")],
    "WT131": [("x ; tags=cp313-cp313-android_21_arm", 10, "")],
    "WT132": [("x ; tags=cp313-cp313-android_1_x86_64", 10, "")],
    "WT133": [("x ; tags=cp313-cp313-pyemscripten_1999_0_wasm32", 10, "")],
    "WT134": [
        (
            "x ; tags=cp313-cp313-pyodide_2026_0_wasm32",
            10,
            "x ; tags=cp313-cp313-pyemscripten_2026_0_wasm32",
        )
    ],
    "WT201": [
        (f"x ; target={W} , {X}", 12, f"x ; tags={W},{X}"),
        (f"x ; target={W},./good.toml", 12, ""),
    ],
    "WT202": [("x ; target=nowhere", 12, ""), ("# target=nowhere", 10, "")],
    "WT203": [("x ; target=./no.toml", 12, "")],
    "WT204": [("x ; target=./WT204.toml", 12, "")],
    "WT205": [("x ; target=./WT205.toml", 12, "")],
    "WT206": [("x ; target=./WT206.toml", 12, "")],
    "WT207": [("x ; target=./WT207.toml", 12, "")],
    "WT208": [("x ; target=./WT208.toml", 12, "")],
    "WT209": [("x ; target=./WT209.toml", 12, "")],
    "WT210": [("x ; target=./WT210.toml", 12, "")],
    "WT211": [("x ; target=./WT211.toml", 12, "")],
    "WT212": [("x ; target=./WT212.toml", 12, "")],
    "WT213": [("x ; target=./WT213.toml", 12, "")],
    "WT214": [("x ; target=./WT214.toml", 12, "")],
    "WT215": [("x ; target=box", 12, "")],
    "WT216": [("x ; target=aws-lambda-python3.12", 12, "")],
    "WT217": [("x ; target=aws-lambda-python3.5-arm64", 12, "")],
    "WT218": [("x ; target=./WT218.toml", 12, "")],
    "WT219": [("x ; target=./WT219.toml", 12, "")],
    "WT301": [
        (f"x ; tags={W},{X},{W}", 48, f"x ; tags={W},{X}"),
        (f"x ; tags={W} ; tags={W}", 33, f"x ; tags={W}"),
        (f"x ; tags={W} ; tags={W} --hash=sha256:00", 33, f"x ; tags={W} --hash=sha256:00"),
        (f"x ; tags={W} ; tags={W},{X}", 33, f"x ; tags={W} ; tags={X}"),
        (f"x ; tags={W}  # tags={W}", 34, f"x ; tags={W}"),
        (f"x ; tags={W}  # tags={W} # c", 34, ""),
        (f"# tags={W}, {W.upper()}", 25, f"# tags={W}"),
        ("x ; target=host,host", 17, "x ; target=host"),
        (
            "x ; tags=cp39-cp39-manylinux_2_17_x86_64,cp39-cp39-manylinux2014_x86_64",
            42,
            "x ; tags=cp39-cp39-manylinux_2_17_x86_64",
        ),
    ],
    "WT302": [
        (f"x==1,==2 ; tags={W}", 1, ""),
        (f"# tags={W}\nX_y==1\nz==2\nx.Y==2", 1, ""),
        (f"x===1 ; tags={W}\nx==2 ; os_name == 'nt' ; tags={X},{W}", 1, ""),
    ],
    "WT401": [],
    "WT501": [
        ("x[y]==1", 2, ""),
        ("x [ y, z ] ; os_name == 'nt'", 3, ""),
        (f"x[y]>1 # tags={W}", 2, ""),
        ("x[y] @ https://h.invalid/x.tar.gz", 2, ""),
        ("./x-1-py3-none-any.whl[y]", 23, ""),
    ],
    "WT502": [
        ("-e ./x", 1, ""),
        ("./x ; os_name == 'nt'", 1, ""),
        ("https://h.invalid/x.tar.gz", 1, ""),
        ("git+https://h.invalid/x.git@v[1]", 1, ""),
    ],
    "WT503": [
        (f"x ; tags={W} ; exclude=y,z", 28, ""),
        ("x # exclude=y", 5, ""),
    ],
    "WT601": [(f"# tags={W}\nx", 3, ""), (f"x\n  # target=host # c\ny # tags={W}", 5, "")],
}
"""By code: a text, the column of the first finding, and the mended text; empty if not sure."""

TARGET_FILES = {
    "good": f'tag = "{W}"',
    "WT204": "=",
    "WT205": f'tag = "{W}"\nabi = "x"',
    "WT206": f'tag = "{W}"\nschema = 99',
    "WT207": "tag = 3",
    "WT208": "",
    "WT209": 'tags = []\n[markers]\npython_full_version = "3.9.1"',
    "WT210": 'tags = ["cp39"]\n[markers]\npython_full_version = "3.9.1"',
    "WT211": f'tag = "{W}"\n[markers]\nos = "x"',
    "WT212": f'tags = ["{W}"]',
    "WT213": f'tag = "{W}"\n[markers]\npython_version = "3.8"',
    "WT218": f'tag = "{W}"\nexclude = ["y", "y>1"]',
    "WT219": f'tag = "{W}"\npip = "newest"',
    "WT214": '{"compatible_tags": []}',
    "WT215": "[tool.wheeltarget.targets.host]",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    made = tmp_path / "project"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def check(text: str) -> list[tuple[str, int, int]]:
    return [
        (each.fault.code, each.location.line, each.location.column)
        for each in check_text("r.txt", text, look_up)
    ]


def fix(text: str) -> str:
    return fix_text("r.txt", text, look_up)[0]


class TestCodes:
    """What is found, where, and what becomes of it."""

    def test_every_code_has_a_case(self) -> None:
        """Those of the project's indexes are tested with the command."""
        assert set(CASES) == {code for code in CODES if not code.startswith("WT7")}

    @pytest.mark.parametrize(
        ("code", "text", "column", "mended"),
        [(code, *case) for code, cases in CASES.items() for case in cases],
    )
    def test_case(self, folder: Path, code: str, text: str, column: int, mended: str) -> None:
        for name in {"good", code} & TARGET_FILES.keys():
            # A name is wrong where it is given, in the project's own file.
            file = "pyproject" if name == "WT215" else name
            (folder / f"{file}.toml").write_text(TARGET_FILES[name])
        about = {"constraints": code in {"WT501", "WT502", "WT503"}, "is_sorted": code == "WT601"}
        found = check_text("r.txt", text, look_up, **about)
        assert {each.fault.code for each in found} == {code}
        assert found[0].location.column == column
        assert found[0].fixable == bool(mended)
        assert fix(text) == (mended or text)
        left = check_text("r.txt", fix(text), look_up, **about)
        assert bool(left) != bool(mended)

    @pytest.mark.parametrize(
        "text",
        [
            "x[]==1",
            "x==1 ; extra == 'a[b]'",
            "x @ https://h.invalid/x[y].tar.gz",
            "./x-1-py3-none-any.whl",
            "https://h.invalid/x-1-py3-none-any.whl",
            "git+https://h.invalid/x.git#egg=x",
            "${X}/y",
            "--pre",
        ],
    )
    def test_constraint_that_pip_takes(self, text: str) -> None:
        assert check_text("r.txt", text, look_up, constraints=True) == ()

    def test_requirement_takes_what_a_constraint_does_not(self) -> None:
        assert check("x[y]==1\n-e ./x\n./x\n") == []

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "flask==1\nflask==2\n",
            "# what these tags: are for\n# Targets of opportunity\nx # tag: soon\n",
            "x ; tags=${TAG},${TAG}_2\n-r nowhere.txt\n-c nowhere-else.txt\n",
            f"x==1 ; tags={W}\nx==2 ; tags={X}\nx==3\nx==1.0 ; tags={W}",
            f"x==1 ; os_name == 'nt' ; tags={W}\nx==2 ; os_name == 'posix' ; tags={W}",
            f"# tags={W}\nx==1\n# tags={X}\nx==2\n# target=host\nx==3\nx==4\n",
            f"x==1.* ; tags={W}\nx==2.* ; tags={W}\nx<1 ; tags={W}\nx==${{V}} ; tags={W}",
        ],
    )
    def test_nothing_is_wrong(self, text: str) -> None:
        assert check(text) == []
        assert fix(text) == text

    def test_default_that_cannot_be_read_is_none(self) -> None:
        text = f"# tags={W}\nx==1\n# tags={X},\nx==2\n"
        assert check(text) == [("WT003", 3, len(f"# tags={X},"))]

    def test_all_of_a_file_is_told_in_order(self) -> None:
        text = f"x ; tags=a,b\n\ny ; tag={W}\nx==1,==2 ; tags=c,{W}\n"
        assert check(text) == [
            ("WT101", 1, 10),
            ("WT101", 1, 12),
            ("WT001", 3, 5),
            ("WT302", 4, 1),
            ("WT101", 4, 17),
        ]

    def test_each_target_is_looked_up_once(self) -> None:
        asked: list[str] = []

        def count(key: str, text: str, folder: str) -> None:
            asked.append(f"{folder}/{key}={text}")

        check_text("sub/r.txt", f"x ; tags={W}\n# tags={W}\ny\nz ; tags={W} ; target=a\n", count)
        assert asked == [f"sub/tags={W}", "sub/target=a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"x;tags={W}", f"x ; tags={W}"),
        (f"x    ;   tags  =  {W} ,{X}  # c", f"x    ; tags={W},{X}  # c"),
        (f"x\t;tags={W};target = host,a\t", f"x\t; tags={W} ; target=host,a\t"),
        (f"x   #tags={W.upper()}", f"x   # tags={W}"),
        (f"  # tags = {W};  target=host # tags ={X}", f"  # tags={W} ; target=host # tags={X}"),
        ("x ; tags=${A} , ${b}", "x ; tags=${A},${b}"),
        ("x;target = ./A B.toml", "x ; target=./A B.toml"),
        (
            f"x ; os_name=='a';tags={W} --hash=sha256:0",
            f"x ; os_name=='a' ; tags={W} --hash=sha256:0",
        ),
        (f"x ;tags = {W} , \\\n {X}", f"x ;tags = {W} , \\\n {X}"),
        ("x;os_name=='a'  # why", "x;os_name=='a'  # why"),
        (f"x #;tags={W}", f"x # tags={W}"),
        (f"x  # ; tags ={W} ; see #7", f"x  # tags={W} ; see #7"),
        (f"#;tags={W};;target=host", f"# tags={W} ; target=host"),
        (f"x # why # ;tags={W}", f"x # why # tags={W}"),
    ],
)
def test_layout(text: str, expected: str) -> None:
    assert fix(text) == expected
    assert "WT401" not in [code for code, _, _ in check(text)]


def test_what_was_mended_is_told() -> None:
    text, mended = fix_text("r.txt", f"x;Tags = cp37-cp37-win32,{W},{W} #c\n", look_up)
    assert text == f"x ; tags=cp37-cp37m-win32,{W} #c\n"
    assert [each.fault.code for each in mended] == ["WT001", "WT108", "WT301", "WT401"]
    assert {each.location.line for each in mended} == {1}


# Pieces of lines, good and bad, in many orders.
_TAG = st.sampled_from(
    [W, X, "cp37-cp37-win32", "CP39-cp39-WIN32", "cp39-cp39-win64", "cp3", "py3-none-any"]
)
_LIST = st.lists(_TAG, min_size=1, max_size=3).flatmap(
    lambda tags: st.sampled_from([",", " , ", ", ", " ", ", \\\n  "]).map(lambda by: by.join(tags))
)
_CLAUSE = st.builds(
    lambda key, sign, quote, listed: f"{key}{sign}{quote}{listed}{quote}",
    st.sampled_from(["tags", "tags", "tags", "tag", "Tags", "target", "arguments"]),
    st.sampled_from(["=", "=", " = ", ":", "==", "\uff1d"]),
    st.sampled_from(["", "", "", "'", '"']),
    _LIST | st.just("host"),
)
_PIECE = st.one_of(
    st.builds(
        lambda mark, clause: mark + clause,
        st.sampled_from(
            [
                *(" ; ", ";", " # ", "  #", " ;\\\n ", " # why; "),
                *(" #;", " ;;", " ", ",", "\uff1b", " --"),
            ]
        ),
        _CLAUSE,
    ),
    st.sampled_from(
        [" ; os_name == 'nt'", " --hash=sha256:00", " \\\n  --hash=sha256:01", "  # c"]
    ),
)
_LINE = st.builds(
    lambda start, pieces: start + "".join(pieces),
    st.sampled_from(
        ["x", "x==1", "X == 2", "-e ./x", "", "--pre", "https://x.invalid/a.whl", "\\", "é"]
    ),
    st.lists(_PIECE, max_size=4),
)
_TEXT = st.lists(
    st.tuples(_LINE, st.sampled_from(["\n", "\n", "\r\n", "\r", "\x0c", "\u2028"])), max_size=5
).map(lambda lines: "".join(line + end for line, end in lines))


def logical(text: str) -> Iterator[tuple[int, str, str]]:
    """Return the number, the text and what pip reads of each line that can be read."""
    for line in read_lines("r.txt", text):
        if isinstance(line, SourceLine) and line.parsed.kind is not Kind.DEFAULT:
            yield line.number, line.parsed.text, f"{line.parsed.requirement}|{line.parsed.options}"


class TestMending:
    """Whatever the text: what is promised of ``--fix``."""

    @settings(max_examples=300, deadline=None)
    @given(_TEXT)
    def test_promises(self, text: str) -> None:
        new, mended = fix_text("r.txt", text, look_up)
        assert fix_text("r.txt", new, look_up) == (new, ())
        assert not any(each.fixable for each in check_text("r.txt", new, look_up))
        assert (new == text) == (not mended)
        old_lines, new_lines = (each.splitlines(keepends=True) for each in (text, new))
        assert len(old_lines) == len(new_lines)
        seen = {number: pip for number, _, pip in logical(new)}
        for number, _, pip in logical(text):
            assert seen[number] == pip
        touched = {
            number
            for number, told in enumerate(zip(old_lines, new_lines, strict=True), 1)
            if told[0] != told[1]
        }
        told = {each.location.line for each in mended}
        starts = [line.pieces[0][3] for line in read_lines("r.txt", text)]
        for number in touched:
            first = max(start for start in starts if start <= number)
            behind = min([start for start in starts if start > number], default=len(old_lines) + 1)
            assert told & set(range(first, behind))


_SPACES = st.sampled_from(["", " ", "  ", "\t"])
_GOOD_CLAUSE = st.builds(
    lambda space, listed: space.join(["", "tags", "=", listed, ""]),
    _SPACES,
    st.lists(
        st.sampled_from([W, X, X.upper()]), min_size=1, max_size=2, unique_by=str.lower
    ).flatmap(lambda tags: st.sampled_from([",", " , "]).map(lambda by: by.join(tags))),
)
_MARK = st.sampled_from([" #", "  #", " #;", " # ;", " #; ;", "\t#", ";", " ;"])
_GOOD_LINE = st.builds(
    lambda start, mark, clause, more: f"{start}{mark}{clause}{more}",
    st.sampled_from(
        ["x", "x==1", "x ; os_name == 'nt'", "x @ https://x.invalid/a.whl ", "-e ./x", ""]
    ),
    _MARK,
    _GOOD_CLAUSE,
    st.sampled_from(["", "", "  # c", " ; tags=cp38-cp38-win32", " # ;tags=cp38-cp38-win32", " #"]),
)


def named(text: str) -> list[tuple[object, str, list[str]]]:
    """Return the kind, the requirement and the targets of each line, which all can be read."""
    lines = list(read_lines("r.txt", text))
    assert all(isinstance(line, SourceLine) for line in lines)
    return [
        (line.parsed.kind, line.parsed.requirement, [str(e).lower() for e in line.parsed.clauses])
        for line in lines
        if isinstance(line, SourceLine)
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(_GOOD_LINE, max_size=4).map("\n".join))
def test_a_good_file_stays_good_and_names_the_same_targets(text: str) -> None:
    assume(check_text("r.txt", text, look_up) == ())
    new, corrected = fix_text("r.txt", text, look_up)
    assert check_text("r.txt", new, look_up) == ()
    assert named(new) == named(text)
    assert {each.fault.code for each in corrected} <= {"WT401"}
    assert fix_text("r.txt", new, look_up) == (new, ())


LONG_LINES = (
    *("x", " ", ";", "#", " #", " # ", "'", '"', "\\", "-", " -", "=", "; ", "\t;\t"),
    *("tags", " tags=", ";tags=", " ; tags=", "tag:", "# tag: ", "a;target="),
    *(f"{W},", f"# tag={W} ", f" ; tag={W}"),
)
"""What lines are made of that are very long."""


@pytest.mark.parametrize("piece", LONG_LINES)
@pytest.mark.parametrize("start", ["x ", "x ; tags=", "# ", "x --hash=", "https://x", "-e x "])
def test_long_line_ends(start: str, piece: str) -> None:
    # In quadratic time it would not end while anybody waits.
    line = start + piece * (300_000 // len(piece))
    assert len(list(read_lines("r.txt", line))) <= 1


def test_long_list_ends() -> None:
    listed = ",".join(["cp37-cp37-win32", W] * 30_000)
    assert fix(f"x ; tags={listed}") == f"x ; tags=cp37-cp37m-win32,{W}"
    clauses = " ; ".join([f"tags={W}"] * 30_000)
    assert fix(f"x ; {clauses}") == f"x ; tags={W}"


_VALUES = st.lists(st.sampled_from([W, X, W.upper()]), min_size=1, max_size=4)
_CLAUSES = st.lists(_VALUES, min_size=1, max_size=3)
_SPACE = st.sampled_from(["", " ", "  "])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Return a line with valid clauses, laid out in any way."""
    text = "x==1"
    for number, values in enumerate(draw(_CLAUSES)):
        mark = draw(st.sampled_from([";", " ;"])) if number else f"{draw(_SPACE)};"
        listed = f"{draw(_SPACE)},{draw(_SPACE)}".join(values)
        text += f"{mark}{draw(_SPACE)}tags{draw(_SPACE)}={draw(_SPACE)}{listed}"
    return text


@given(st.text(), st.text(), st.text(min_size=1), st.text())
def test_edits_replace_their_part_alone(start: str, old: str, end: str, new: str) -> None:
    edit = Edit(len(start), len(start) + len(old), new)
    after = Edit(len(start + old + end), len(start + old + end), "!")
    assert apply_edits(start + old + end, [after, edit]) == f"{start}{new}{end}!"


@given(lines())
def test_layout_is_right_after_it_was_corrected(text: str) -> None:
    laid_out = apply_edits(text, layout_edits(parse_line(text)))
    assert layout_edits(parse_line(laid_out)) == ()
    old, new = parse_line(text), parse_line(laid_out)
    assert [str(clause) for clause in new.clauses] == [str(each).lower() for each in old.clauses]
    assert new.requirement == old.requirement


@given(lines(), st.data())
def test_values_are_left_out_and_no_others(text: str, data: st.DataObject) -> None:
    line = parse_line(text)
    values = [value for clause in line.clauses for value in clause.values]
    if len(values) == 1:
        return
    index = data.draw(st.integers(1, len(values) - 1))  # never the first of a line
    ((edit,),) = leave_out(line, [values[index]]).values()
    left = parse_line(apply_edits(text, [edit]))
    kept = [value.text for clause in left.clauses for value in clause.values]
    assert kept == [value.text for number, value in enumerate(values) if number != index]


@given(lines())
def test_head_of_a_clause(text: str) -> None:
    for clause in parse_line(text).clauses:
        mark, key = head_of(text, clause)
        assert text[mark] == ";"
        assert text[mark + 1 : key].strip() == ""
        assert text[key:].startswith(clause.key)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"x ; tag={W}", f"x ; tags={W}"),
        (f"x ; tags={W} {X}", f"x ; tags={W},{X}"),
        (f"x ; tags={W} ; os_name == 'nt'", f"x ; os_name == 'nt' ; tags={W}"),
        (f"-e ./x ; tags={W}", f"-e ./x # tags={W}"),
        (f"x ; tag={W} and more", ""),
        (f"x ; tag={W} ; tags=", ""),
        ("x ; tags=", ""),
    ],
)
def test_clause_with_one_possible_meaning_is_corrected(text: str, expected: str) -> None:
    with pytest.raises(AnnotationError) as raised:
        parse_line(text)
    edits = clause_edits(text, raised.value)
    assert (apply_edits(text, edits) if edits else "") == expected
