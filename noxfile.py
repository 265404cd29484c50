"""The developers' commands: ``pipx run nox -s tests``; ``nox --list`` lists them.

Each session makes an environment of its own and keeps it; ``nox -R -s tests`` uses the one that is
there.
"""

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.default_venv_backend = "venv"


def install(session, *what):
    """Install by pip, which must know dependency groups."""
    session.install("--upgrade", "pip")
    session.install(*what)


@nox.session
def tests(session):
    """All tests, on all cores, those that need dask too; what follows ``--`` goes to pytest."""
    install(session, "--editable", ".[distributed]", "--group", "test")
    session.run("python", "-m", "pytest", "-n", "auto", *session.posargs)


@nox.session
def file(session):
    """One file of tests, on one core: ``nox -s file -- tests/test_losses.py``."""
    install(session, "--editable", ".", "--group", "test")
    session.run("python", "-m", "pytest", "-q", *session.posargs)


@nox.session
def coverage(session):
    """All tests, and an error if they run fewer lines of the package than pyproject.toml asks for."""
    install(session, "--editable", ".[distributed]", "--group", "coverage")
    session.run("python", "-m", "pytest", "-n", "auto", "--cov", *session.posargs)


@nox.session
def lint(session):
    """Rules of style, spelling and docstrings."""
    install(session, "--editable", ".", "--group", "lint")
    session.run("bash", ".ci/lint", external=True)


@nox.session
def docs(session):
    """The site, its warnings as errors, and every link inside it."""
    install(session, "--editable", ".", "--group", "docs")
    session.run("python", "-m", "sphinx", "-W", *session.posargs, "docs", "site")
    session.run("python", "docs/check_links.py", "site")


@nox.session
def benchmarks(session):
    """Rerun what is quick, and compare it with the numbers on the pages."""
    install(session, "--editable", ".", "--group", "test")
    session.run("python", "-m", "benchmarks.check", *session.posargs)


@nox.session(venv_backend="none")
def floors(session):
    """All tests with the oldest dependencies that pyproject.toml allows."""
    session.run("bash", ".ci/floors")


@nox.session(venv_backend="none")
def wheel(session):
    """The source distribution and the wheel, and the tests with the wheel installed."""
    session.run("bash", ".ci/wheel", *session.posargs)
