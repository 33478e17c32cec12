"""The protos compiled: the clients' code, descriptors with comments, and their lint.

`python -m deploy.protos` generates the code of all clients (`make generate`) and leaves no diff
when nothing changed; `python -m deploy.protos lint` looks at the protos (`make check`), which are
compared with those of each release by `deploy.releases`.

Validation rules are options of protovalidate, whose .proto comes from the installed package. What
is generated has the rules, but not that file: only who checks them needs it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc import error_details_pb2
from grpc_tools import protoc
from protovalidate import ViolationPb

from deploy.clients import build, go, model, python, typescript
from deploy.toolchains import MissingToolError, cache_folder

Environment = Mapping[str, str]
PROTO = Path(__file__).parents[1] / "proto"
PACKAGE = "mulligan_client.gen"
OUT = PROTO.parent / "clients/python" / PACKAGE.replace(".", "/")
TYPESCRIPT_OUT = build.TYPESCRIPT_CLIENT / "src" / "gen"
RULES = "buf/validate/validate.proto"


def descriptors(proto: Path = PROTO) -> FileDescriptorSet:
    """Compile our protos, or those of another folder, and what they import, with their comments.

    Raises:
        ValueError: protoc refused them; it has said why on stderr.
    """
    rules = FileDescriptorProto.FromString(ViolationPb.desc().file.proto.to_binary())
    with TemporaryDirectory() as folder:
        known, compiled = Path(folder, "known"), Path(folder, "compiled")
        known.write_bytes(FileDescriptorSet(file=[rules]).SerializeToString())
        _run_protoc(
            f"-I{proto}",
            f"-I{files('grpc_tools') / '_proto'}",
            f"--descriptor_set_in={known}",
            f"--descriptor_set_out={compiled}",
            "--include_imports",
            "--include_source_info",
            *_sources(proto),
        )
        return FileDescriptorSet.FromString(compiled.read_bytes())


def generate(out: Path, described: FileDescriptorSet | None = None) -> None:
    """Write Python's messages, stubs, types and smart client in place of what a folder has.

    Args:
        out: the folder.
        described: the protos, of a release; None: ours.
    """
    described = described or descriptors()
    drawn = python.files(model.read(described))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with TemporaryDirectory() as folder:
        compiled = Path(folder, "compiled")
        compiled.write_bytes(_without_import(described).SerializeToString())
        plugins = Path(sys.executable).parent
        _run_protoc(
            f"--descriptor_set_in={compiled}",
            *(f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")),
            # They stand beside this Python, which need not be on PATH.
            *(f"--plugin={plugins / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")),
            *sorted(one.name for one in described.file if one.package.startswith("mulligan.")),
        )
    for path in [*out.rglob("*.py"), *out.rglob("*.pyi")]:
        path.write_text(_inside_package(path.read_text()))
    for folder_path in (out, *(path for path in out.rglob("*") if path.is_dir())):
        (folder_path / "__init__.py").write_text("")
    for name, text in drawn.items():
        (out / name).write_text(_formatted(text))


def generate_go(out: Path, there: Environment) -> None:
    """Write Go's messages and smart client into the folder of its module.

    Args:
        out: the folder.
        there: where `gofmt` is found, and the plugin was built (`build.install_plugins`).
    """
    described = descriptors()
    drawn = go.files(model.read(described))
    shutil.rmtree(out / "gen", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    _run_plugin(
        described,
        build.GO_PLUGIN,
        f"--go_out={out}",
        f"--go_opt=module={go.MODULE}",
        *(f"--go_opt=M{source}={go.package_of(source)}" for source in _sources()),
        *_sources(),
    )
    for name, text in drawn.items():
        (out / name).write_text(text)
        subprocess.run(["gofmt", "-w", out / name], env=there, check=True)


def generate_typescript(out: Path, there: Environment) -> None:
    """Write TypeScript's messages and smart client, in place of what a folder has.

    Args:
        out: the folder.
        there: where `node` is found, and the plugin was installed (`build.install_plugins`).
    """
    described = descriptors()
    drawn = typescript.files(model.read(described))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    # The details of errors: other languages have them in a package.
    error_details_pb2.DESCRIPTOR.CopyToProto(described.file.add())
    _run_plugin(
        described,
        build.TYPESCRIPT_PLUGIN,
        f"--es_out={out}",
        "--es_opt=target=ts,import_extension=js",
        *_sources(),
        error_details_pb2.DESCRIPTOR.name,
        there=there,
    )
    for name, text in drawn.items():
        (out / name).write_text(text)


def _run_plugin(
    described: FileDescriptorSet, plugin: Path, *arguments: str, there: Environment = os.environ
) -> None:
    """Run protoc with a plugin in a process of its own, which sees an environment."""
    with TemporaryDirectory() as folder:
        compiled = Path(folder, "compiled")
        compiled.write_bytes(_without_import(described).SerializeToString())
        protoc_command = [sys.executable, "-m", "grpc_tools.protoc"]
        named = [f"--descriptor_set_in={compiled}", f"--plugin={plugin}"]
        subprocess.run([*protoc_command, *named, *arguments], env=there, check=True)


def lint() -> int:
    """Have buf look at our protos; give its exit code."""
    return _run_buf("lint", PROTO)


def breaking(released: Path, proto: Path = PROTO) -> int:
    """Have buf compare our protos, or those of another folder, with a release's descriptors.

    Args:
        released: a FileDescriptorSet in gzip, in a file named *.binpb.gz.
        proto: the folder.

    Returns:
        Its exit code: not 0 when a program that was made for the release could break, which it has
        said on stdout.
    """
    return _run_buf("breaking", proto, "--against", released)


def _run_buf(command: str, proto: Path, *arguments: str | Path) -> int:
    with TemporaryDirectory() as folder:
        image = Path(folder, "protos.binpb")
        image.write_bytes(descriptors(proto).SerializeToString())
        buf = Path(sys.executable).with_name("buf")
        ours: list[str | Path] = ["--config", PROTO / "buf.yaml", "--path", "mulligan"]
        return subprocess.run([buf, command, image, *arguments, *ours], check=False).returncode


def _sources(proto: Path = PROTO) -> list[str]:
    return sorted(path.relative_to(proto).as_posix() for path in proto.rglob("*.proto"))


def _run_protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]):
        raise ValueError("protoc refused the protos; mend what it says above")


def _without_import(compiled: FileDescriptorSet) -> FileDescriptorSet:
    """Leave the file of the rules out; the rules stay as options that protobuf does not know."""
    kept = FileDescriptorSet(file=[file for file in compiled.file if file.name != RULES])
    for file in kept.file:
        file.dependency[:] = [name for name in file.dependency if name != RULES]
    return kept


def _formatted(text: str) -> str:
    ruff = str(Path(sys.executable).with_name("ruff"))
    command = [ruff, "format", "--isolated", "--line-length=100", "-"]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def _inside_package(text: str) -> str:
    text = re.sub(r"^from mulligan\.", f"from {PACKAGE}.mulligan.", text, flags=re.MULTILINE)
    text = re.sub(r"^import mulligan\.", f"import {PACKAGE}.mulligan.", text, flags=re.MULTILINE)
    names = r"(?<![\w./])mulligan\.(\w+)\.v1\.(\w+_pb2)"
    return re.sub(names, rf"{PACKAGE}.mulligan.\1.v1.\2", text)


def main() -> int:
    """Generate the code, or lint."""
    if sys.argv[1:] == ["lint"]:
        return lint()
    try:
        generate(OUT)
        there = build.install_plugins(cache_folder(os.environ))
        generate_go(build.GO_CLIENT, there)
        generate_typescript(TYPESCRIPT_OUT, there)
    except (ValueError, MissingToolError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
