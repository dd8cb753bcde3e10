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


OLD = ("cp311-cp311-manylinux2014_x86_64",)
OLDER = ("cp38-cp38-manylinux2014_x86_64",)


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


DEEP = (
    Job("deep-fastapi", ("fastapi", "starlette<0.20"), OLD),
    Job("deep-jupyter", ("jupyterlab", "notebook<6.4", "jupyter-server<1.10"), OLD),
    Job(
        "deep-langchain",
        ("langchain", "langchain-community", "langchain-openai", "pydantic<2"),
        OLD,
    ),
    Job("deep-mkdocs", ("mkdocs-material", "jinja2<3"), OLD),
    Job("deep-mkdocs-cp38", ("mkdocs-material", "mkdocs<1.2"), OLDER),
    Job(
        "deep-opentelemetry",
        (
            "opentelemetry-instrumentation-flask",
            "opentelemetry-instrumentation-requests",
            "opentelemetry-exporter-otlp",
            "opentelemetry-api==1.15.0",
        ),
        OLD,
    ),
    Job("deep-s3fs", ("boto3", "aiobotocore", "s3fs", "botocore<1.35"), OLD),
    Job("deep-sphinx", ("sphinx<5", "furo", "sphinx-book-theme", "myst-parser"), OLD),
    Job("deep-wagtail", ("wagtail", "django<3.2"), OLD),
    Job("deep-dbt-fails", ("dbt-core", "dbt-snowflake", "dbt-bigquery<1.5"), OLD),
    Job("deep-mkdocs-fails", ("mkdocs-material>=9", "jinja2<3"), OLD),
)
"""Requirements for which pip rejects at least 50 releases before it ends; for the last two, no
releases go together."""

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
        *DEEP,
    )
}
"""Every job by its name."""
