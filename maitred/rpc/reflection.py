"""Server reflection that also serves the contract's comments, so that `grpcurl describe` is its documentation.

Descriptors in Python modules carry no comments; descriptors.binpb, generated beside them, does.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from importlib.resources import files
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from maitred.rpc.streams import until_stopping

FULL_NAME: str = reflection.SERVICE_NAME


class Reflection(reflection_pb2_grpc.ServerReflectionServicer):
    """The library's servicer over descriptors with comments. Its streams end when the server is stopping."""

    def __init__(self, service_names: Iterable[str], stopping: asyncio.Event) -> None:
        # The published types of the library's servicer are wrong: it is an async generator.
        self._library: Any = reflection.aio.ReflectionServicer(service_names, pool=cast(Any, _CommentedPool()))
        self._stopping = stopping

    async def ServerReflectionInfo(
        self,
        request_iterator: AsyncIterator[reflection_pb2.ServerReflectionRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        """Answers each question about the contract."""
        questions = until_stopping(self._stopping, request_iterator)
        async for answer in self._library.ServerReflectionInfo(questions, context):
            yield answer


class _CommentedPool:
    """The process's descriptor pool, with comments in the files that have them."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.Default()
        described = FileDescriptorSet.FromString((files("maitred.v1") / "descriptors.binpb").read_bytes())
        self._commented = {file.name: file for file in described.file}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def FindFileByName(self, name: str) -> "_CommentedFile":
        return _CommentedFile(self._pool.FindFileByName(name), self._commented)

    def FindFileContainingSymbol(self, symbol: str) -> "_CommentedFile":
        try:
            file = self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            # The pool leaves the methods out.
            file = self._pool.FindMethodByName(symbol).containing_service.file
        return _CommentedFile(file, self._commented)


class _CommentedFile:
    """As much of a file descriptor as the library asks for."""

    def __init__(self, descriptor: FileDescriptor, commented: dict[str, FileDescriptorProto]) -> None:
        self._descriptor = descriptor
        self._commented = commented
        self.name = descriptor.name

    @property
    def dependencies(self) -> "list[_CommentedFile]":
        return [_CommentedFile(dependency, self._commented) for dependency in self._descriptor.dependencies]

    def CopyToProto(self, proto: FileDescriptorProto) -> None:
        if commented := self._commented.get(self.name):
            proto.CopyFrom(commented)
        else:
            self._descriptor.CopyToProto(proto)
