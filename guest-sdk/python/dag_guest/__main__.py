"""``python -m dag_guest build MODULE``: makes a guest of an operators' module, which ``dag build`` makes a component of."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from .component import Component

_SDK = Path(__file__).resolve().parent
_TOOL = "componentize-py==0.25.1"
_APP = """
import {module}
from dag_guest.serve import serve

Aggregating, Transforming = serve({module}.component)
"""


def main() -> int:
    """Runs the command line; returns its exit status."""
    parser = argparse.ArgumentParser("python -m dag_guest", description="Makes a WebAssembly guest of an operators' module.")
    commands = parser.add_subparsers(required=True)
    build = commands.add_parser("build", help="make a guest")
    build.add_argument("module", type=Path, help="a file with `component = component(...)`; modules beside it can be imported")
    build.add_argument("-o", "--output", type=Path, default=Path("build/guest.wasm"), help="where the guest goes")
    given = parser.parse_args()
    # By themselves these end the process without what removes its scratch folder.
    for asked in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, lambda *_: sys.exit(1))
    try:
        _build(given.module, given.output)
    except (ImportError, OSError, RuntimeError, TypeError) as error:
        print(f"dag_guest: {error}", file=sys.stderr)
        return 1
    return 0


def _build(module: Path, output: Path) -> None:
    folder = module.resolve().parent
    _check(folder, module)
    program = shutil.which("componentize-py", path=f"{sysconfig.get_path('scripts')}") or shutil.which("componentize-py")
    if program is None:
        raise RuntimeError(f"componentize-py is not installed: python -m pip install {_TOOL}")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dag-guest-") as name:
        scratch = Path(name)
        # Only the modules of the operators go in, so that nothing of this machine's does.
        operators = scratch / "operators"
        ignored = shutil.ignore_patterns("build", "sdk", "tests", "test_*", ".*", "__pycache__", "*.wasm")
        shutil.copytree(folder, operators, ignore=ignored)
        package = scratch / "sdk" / "dag_guest"
        shutil.copytree(_SDK, package, ignore=shutil.ignore_patterns("harness", "wit", "__pycache__", "__main__.py"))
        (scratch / "app").mkdir()
        (scratch / "app" / "app.py").write_text(_APP.format(module=module.stem))
        paths = [argument for part in ("app", "operators", "sdk") for argument in ("-p", str(scratch / part))]
        command = [program, "-d", str(_wit(scratch)), "-w", "guest", "componentize", "--stub-wasi", *paths, "app"]
        # What is set for this Python must not reach into the guest's.
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command += ["-o", str(output.resolve())]
        made = subprocess.run(command, cwd=scratch, env=surroundings, capture_output=True, text=True)
    if made.returncode != 0:
        raise RuntimeError(f"componentize-py failed: {(made.stdout + made.stderr).strip()}")


def _check(folder: Path, module: Path) -> None:
    """Loads the operators' module natively, so that what is wrong with it is told with its own lines."""
    sys.path.insert(0, str(folder))
    loaded = importlib.import_module(module.stem)
    if not isinstance(getattr(loaded, "component", None), Component):
        raise TypeError(f'{module} has no component: component = component("name", "1.0.0", [Operator])')


def _wit(scratch: Path) -> Path:
    """A folder with the interface and the package that guests of Python speak."""
    found = [up / "wit" / "dag-operator.wit" for up in _SDK.parents if (up / "wit" / "dag-operator.wit").is_file()]
    if not found:
        raise OSError(f"wit/dag-operator.wit is nowhere above {_SDK}")
    wit = scratch / "wit"
    (wit / "deps" / "operator").mkdir(parents=True)
    shutil.copy(_SDK / "wit" / "python.wit", wit / "guest.wit")
    shutil.copy(found[0], wit / "deps" / "operator" / "dag-operator.wit")
    return wit


if __name__ == "__main__":
    sys.exit(main())
