"""Query text to a document ready to run: parse, limits, validate, each done once per text and kept.

The cache is keyed by the SHA-256 of the text and bounded by entries and by characters, so that texts
with literals in them push each other out instead of filling the memory.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.graphql.limits import Limits, check_shape


@dataclass(slots=True)
class PreparedDocument:
    """A parsed document within all limits. `errors` are those of parsing or validation: if there are any, it must
    not run. `plans` keeps what was worked out from its selections, by field node or operation."""

    digest: str
    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    plans: dict[object, Any] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run. Raises Malformed `ambiguous_operation` or `unknown_operation`."""
        operations = [d for d in self.definitions() if isinstance(d, OperationDefinitionNode)]
        if name is None and len(operations) > 1:
            raise Malformed(
                "the document has several operations: say which in `operationName`",
                code="ambiguous_operation",
                path="operationName",
            )
        for operation in operations:
            if name is None or (operation.name is not None and operation.name.value == name):
                return operation
        raise Malformed("the document has no such operation", code="unknown_operation", path="operationName")

    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        """Fragments by name."""
        return {d.name.value: d for d in self.definitions() if isinstance(d, FragmentDefinitionNode)}

    def definitions(self) -> tuple[object, ...]:
        """The definitions of the document; none if it did not parse."""
        return tuple(self.ast.definitions) if self.ast is not None else ()


class DocumentCache:
    """Prepared documents of one schema, least recently used out first."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, *, entries: int = 1024, characters: int = 2 * 1024 * 1024
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._entries = entries
        self._characters = characters
        self._kept: OrderedDict[bytes, tuple[int, PreparedDocument]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return len(self._kept)

    def prepare(self, text: str) -> PreparedDocument:
        """The document of a query text. Raises TooLarge and Malformed for texts over a limit (never kept)."""
        if len(text) > self._limits.source_length:
            raise TooLarge(
                f"the query has {len(text)} characters, at most {self._limits.source_length} are read",
                code="source_too_long",
                limit=self._limits.source_length,
                value=len(text),
            )
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept[1]
        document = self._prepare(text, key.hex())
        self._kept[key] = (len(text), document)
        self._held += len(text)
        while len(self._kept) > self._entries or self._held > self._characters:
            _, (size, _dropped) = self._kept.popitem(last=False)
            self._held -= size
        return document

    def _check_parsed(self, fault: GraphQLError) -> None:
        """Tell the parser's limits from a mistake of syntax. Raises TooLarge."""
        for code, words, limit in (
            ("too_many_tokens", f"more than {self._limits.tokens} tokens", self._limits.tokens),
            ("too_many_comments", f"more than {self._limits.comments} comments", self._limits.comments),
            ("too_deep", "nested too deeply", None),
        ):
            if words in fault.message:
                said = fault.message.removeprefix("Syntax Error: ")
                raise TooLarge(said, code=code, path="query", limit=limit) from fault

    def _prepare(self, text: str, digest: str) -> PreparedDocument:
        try:
            document = parse(text, max_lexical_tokens=self._limits.tokens, max_comments=self._limits.comments)
        except GraphQLError as fault:
            self._check_parsed(fault)
            return PreparedDocument(digest, None, (fault,))
        check_shape(document, self._limits)
        return PreparedDocument(
            digest, document, tuple(validate(self._schema, document, hide_suggestions=True, max_errors=5))
        )
