"""Compiles trusted GraphQL documents to Python; graphql-core remains the judge of the unusual."""

from bff.compiler.conditions import without_defer
from bff.compiler.errors import CannotCompile
from bff.compiler.executable import CoreOperation, Operation
from bff.compiler.operation import CompiledOperation, compile_document, prepare_operation
from bff.compiler.response import OnError, dumps, encode, ordered_errors

__all__ = [
    "CannotCompile",
    "CompiledOperation",
    "CoreOperation",
    "OnError",
    "Operation",
    "compile_document",
    "dumps",
    "encode",
    "ordered_errors",
    "prepare_operation",
    "without_defer",
]
