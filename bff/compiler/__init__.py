"""Compiles trusted GraphQL documents to Python; graphql-core remains the judge of the unusual."""

from bff.compiler.errors import CannotCompile
from bff.compiler.operation import (
    CompiledOperation,
    CoreOperation,
    Operation,
    compile_document,
    prepare_operation,
)
from bff.compiler.response import OnError, encode, ordered_errors

__all__ = [
    "CannotCompile",
    "CompiledOperation",
    "CoreOperation",
    "OnError",
    "Operation",
    "compile_document",
    "encode",
    "ordered_errors",
    "prepare_operation",
]
