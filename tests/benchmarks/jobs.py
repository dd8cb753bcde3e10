"""What is downloaded, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

FLASK = ("flask",)

BIG = (
    "aiohttp",
    "alembic",
    "black",
    "boto3",
    "celery[redis]",
    "cryptography",
    "django",
    "djangorestframework",
    "fastapi",
    "flask",
    "gunicorn",
    "httpx[http2]",
    "ipython",
    "matplotlib",
    "mkdocs",
    "mypy",
    "pandas",
    "psycopg[binary]",
    "pydantic-settings",
    "pytest-cov",
    "requests",
    "sentry-sdk",
    "sqlalchemy",
    "tox",
    "uvicorn[standard]",
)
"""What a web service with its tests and tools needs: about 130 wheels."""

ONE = ("cp311-cp311-manylinux_2_28_x86_64",)

FIVE = (
    "cp39-cp39-manylinux2014_x86_64",
    "cp310-cp310-manylinux2014_x86_64",
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp312-cp312-manylinux_2_28_x86_64",
    "cp313-cp313-manylinux_2_28_x86_64",
)


@dataclass(frozen=True, slots=True)
class Job:
    """Requirements, and the environments that they are for.

    :param name: what it is called.
    :param requirements: what is asked for.
    :param tags: the targets, each by its best tag.
    :param made: whether it is for the made index, not for a recorded one.
    """

    name: str
    requirements: tuple[str, ...]
    tags: tuple[str, ...]
    made: bool = False


JOBS = {
    job.name: job
    for job in (
        Job("flask", FLASK, ONE),
        Job("big", BIG, ONE),
        Job("two-flask", FLASK, FIVE[2:4]),
        Job("five-flask", FLASK, FIVE),
        Job("five-big", BIG, FIVE),
        Job("made", ("made-0", "made-1", "made-2"), ONE, made=True),
        Job("five-made", ("made-0", "made-1", "made-2"), FIVE, made=True),
    )
}
"""Every job by its name."""
