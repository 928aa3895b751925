"""Generates the package maitred.v1 from protos/: messages, typed stubs for grpc.aio, and descriptors with comments.

The new package replaces the old one file by file and only after all of it was generated, so that a broken proto
leaves the last good package in place, and what a removed proto left behind goes.
"""

import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

PROTOS = Path("protos")
PACKAGE = Path("maitred/v1")

INIT = '''"""The contract in Python, generated from protos/maitred/v1 by `make proto`."""\n'''


def main() -> int:
    """Generates the package; returns protoc's exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        if code := generate(Path(scratch)):
            return code
        replace(Path(scratch) / PACKAGE)
    return 0


def generate(out: Path) -> int:
    """Runs protoc into an empty folder. Only files with a service get a gRPC module."""
    sources = sorted((PROTOS / PACKAGE).glob("*.proto"))
    services = [source for source in sources if source.name.endswith("_service.proto")]
    (out / PACKAGE).mkdir(parents=True)
    (out / PACKAGE / "__init__.py").write_text(INIT)
    (out / PACKAGE / "py.typed").touch()
    descriptors = out / PACKAGE / "descriptors.binpb"
    return protoc(
        f"--python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--descriptor_set_out={descriptors}",
        "--include_imports",
        "--include_source_info",
        *map(str, sources),
    ) or protoc(f"--grpc_python_out={out}", f"--mypy_grpc_out=only_async,quiet:{out}", *map(str, services))


def protoc(*arguments: str) -> int:
    """Runs the protoc of grpcio-tools with its well-known types."""
    well_known = files("grpc_tools") / "_proto"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{well_known}", *arguments]
    return subprocess.run(command, check=False).returncode


def replace(fresh: Path) -> None:
    """Moves the generated files to their place and removes those that are no longer generated."""
    PACKAGE.mkdir(parents=True, exist_ok=True)
    names = {file.name for file in fresh.iterdir()}
    for file in fresh.iterdir():
        (PACKAGE / file.name).write_bytes(file.read_bytes())
    for old in PACKAGE.iterdir():
        if old.is_file() and old.name not in names:
            old.unlink()


if __name__ == "__main__":
    sys.exit(main())
