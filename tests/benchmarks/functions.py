"""Functions that people deploy to AWS Lambda, and what they type to make the archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ARCHIVE = "app.zip"
REQUIREMENTS = "requirements.txt"
SOURCE = "src"
LIMIT = 250 * 2**20
"""The bytes that AWS Lambda takes, unpacked."""

_OLDEST_NAMED = 28
"""uv has a name for each level from this one on, and below it only for manylinux2014."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function with its requirements.

    :param requirements: what it needs.
    :param handler: the source of its module ``app``, with a function ``handler`` that uses them.
    """

    requirements: tuple[str, ...]
    handler: str


FUNCTIONS = {
    "api": Function(
        ("requests", "boto3"),
        """\
import boto3
import requests

def handler(event, context):
    request = requests.Request("GET", "https://example.com/", params={"a": 1}).prepare()
    assert request.url == "https://example.com/?a=1"
    boto3.client("s3", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
""",
    ),
    "web": Function(
        ("fastapi", "mangum", "pydantic"),
        """\
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()

class Answer(BaseModel):
    text: str

@app.get("/")
async def root() -> Answer:
    return Answer(text="here")

def handler(event, context):
    http = {"method": "GET", "path": "/", "sourceIp": "::1", "protocol": "HTTP/1.1"}
    request = {"version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {}}
    answer = Mangum(app, lifespan="off")({**request, "requestContext": {"http": http}}, None)
    assert answer["body"] == '{"text":"here"}', answer
""",
    ),
    "data": Function(
        ("pandas", "pyarrow"),
        """\
import io
import pandas

def handler(event, context):
    file = io.BytesIO()
    pandas.DataFrame({"a": [1, 2]}).to_parquet(file, engine="pyarrow")
    assert list(pandas.read_parquet(file, engine="pyarrow")["a"]) == [1, 2]
""",
    ),
    "database": Function(
        ("cryptography", "psycopg[binary]", "sqlalchemy"),
        """\
import psycopg
import sqlalchemy
from cryptography.fernet import Fernet

def handler(event, context):
    key = Fernet(Fernet.generate_key())
    assert key.decrypt(key.encrypt(b"text")) == b"text"
    assert psycopg.pq.__impl__ == "binary"
    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        assert connection.execute(sqlalchemy.text("select 1")).scalar() == 1
""",
    ),
    "markers": Function(
        ("flask", "redis", "webob"),
        """\
import flask
import redis.asyncio
import webob

app = flask.Flask("app")

@app.get("/")
def root():
    return "here"

def handler(event, context):
    assert app.test_client().get("/").data == b"here"
    assert webob.Request.blank("/?a=1").GET["a"] == "1"
    redis.asyncio.Redis()
""",
    ),
}
"""Every function by its name."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an archive is made.

    :param text: what a person types in a shell, with ``{python}`` and ``{level}``.
    :param program: the project and the program to install for it; empty if beside wheeltarget.
    :param needs_python: whether the Python of the runtime must be on this machine.
    :param files: what a person writes besides, by name, with ``{python}``.
    """

    text: str
    program: tuple[str, str] = ("", "")
    needs_python: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    def typed(self, python: str, glibc: int) -> str:
        """Return what is typed for a Python and the minor version of a glibc."""
        level = f"manylinux_2_{glibc}" if glibc >= _OLDEST_NAMED else "manylinux2014"
        return self.text.format(python=python, level=level)

    def written(self, python: str) -> dict[str, str]:
        """Return the files that a person writes besides, by name."""
        return {name: text.format(python=python) for name, text in self.files.items()}


_TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  App:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python{python}
"""
_ZIP = f"cd package\nzip -qr ../{ARCHIVE} .\ncd ../{SOURCE}\nzip -qr ../{ARCHIVE} ."
_UV = (
    "uv pip install --no-installer-metadata --no-compile-bytecode --python-platform x86_64-{} "
    f"--python-version {{python}} --only-binary :all: --target package -r {REQUIREMENTS}\n"
)

_BUNDLE = (
    f"wheeltarget bundle -r {REQUIREMENTS} --target aws-lambda-python{{python}}-x86_64 "
    f"-o {ARCHIVE} --include {SOURCE}/"
)

WAYS = {
    "wheeltarget": Way(_BUNDLE),
    "wheeltarget-lock": Way(f"{_BUNDLE} --lock pylock.toml"),
    "pip": Way(
        "pip install --platform manylinux2014_x86_64 --target=package --implementation cp "
        f"--python-version {{python}} --only-binary=:all: --upgrade -r {REQUIREMENTS}\n{_ZIP}"
    ),
    "uv": Way(_UV.replace("{}", "manylinux2014") + _ZIP, ("uv", "uv")),
    "uv-level": Way(_UV.replace("{}", "{level}") + _ZIP, ("uv", "uv")),
    "sam": Way(
        f"sam build\ncd .aws-sam/build/App\nzip -qr ../../../{ARCHIVE} .",
        ("aws-sam-cli", "sam"),
        needs_python=True,
        files={"template.yaml": _TEMPLATE},
    ),
}
"""Every way by its name."""
