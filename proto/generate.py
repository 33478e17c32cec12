"""Generate the Python messages, stubs and types from the protos into the client package.

Run by `make generate`; running it again leaves no diff.
"""

import os
import re
import shutil
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).parent
PACKAGE = "mulligan_client.gen"
OUT = PROTO.parent / "clients/python" / PACKAGE.replace(".", "/")


def main() -> int:
    """Replace what was generated before."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    sources = sorted(str(path) for path in (PROTO / "mulligan").rglob("*.proto"))
    well_known = str(files("grpc_tools") / "_proto")
    outputs = [f"--{kind}_out={OUT}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    # The plugins stand beside this Python, which need not be on PATH.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    failed = protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *outputs, *sources])
    for path in [*OUT.rglob("*.py"), *OUT.rglob("*.pyi")]:
        path.write_text(_inside_package(path.read_text()))
    for folder in (OUT, *(path for path in OUT.rglob("*") if path.is_dir())):
        (folder / "__init__.py").write_text("")
    return int(failed)


def _inside_package(text: str) -> str:
    text = re.sub(r"^from mulligan\.", f"from {PACKAGE}.mulligan.", text, flags=re.MULTILINE)
    text = re.sub(r"^import mulligan\.", f"import {PACKAGE}.mulligan.", text, flags=re.MULTILINE)
    names = r"(?<![\w./])mulligan\.(\w+)\.v1\.(\w+_pb2)"
    return re.sub(names, rf"{PACKAGE}.mulligan.\1.v1.\2", text)


if __name__ == "__main__":
    sys.exit(main())
