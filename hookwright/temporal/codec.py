"""The payload codec: everything that Temporal stores is encrypted, failures included.

AES-256-GCM. The key's id is in the metadata, so keys can be rotated: put the new one first and keep
the old ones until `hookwright reencrypt` says that they may go (docs/decisions/0035-keys.md).

What is not short is compressed first, because ciphertext cannot be: a delivery's history is a third
smaller (docs/decisions/0026-cost-of-python.md).

A payload is bound to its workflow id: copied into another workflow, it cannot be read there
(docs/decisions/0011-hostile-by-assumption.md).

The layout of an encrypted payload, for clients in other languages, is in docs/publishing.md.
"""

import copy
import hashlib
import os
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    ActivitySerializationContext,
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    PayloadConverter,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import FailureError

from hookwright import metrics
from hookwright.ids import ENCRYPTION_KEYS_WORKFLOW_ID
from hookwright.temporal.names import ErrorType

CONVERTERS = tuple(PydanticPayloadConverter().converters.values())

ENCODING, COMPRESSED_ENCODING = b"binary/encrypted", b"binary/encrypted-zlib"
NONCE_BYTES = 12
MAX_KEY_ID = 32

MIN_COMPRESSED_BYTES, MAX_COMPRESSED_BYTES = 256, 2 * 1024 * 1024
"""The size of clear payloads that are compressed. Temporal refuses larger ones, and no compressed
payload may expand to more."""

REFUSED = Payload(metadata={"encoding": b"hookwright/refused-clear"})
"""What takes the place of a payload that is refused: no converter reads it, so only its reader
fails."""

DIGEST_BYTES = 16
"""What a payload has of its workflow's id. To copy it elsewhere, one would have to find another id
of the same digest. The id itself can have 203 bytes, in each of some five payloads a delivery."""


class CodecError(ValueError):
    """A payload cannot be decrypted, for its key is missing or another one; the text names it."""


class UncheckedKeysError(RuntimeError):
    """Nothing is encrypted before the keys were compared with those of what is stored."""


@dataclass
class EncryptionCodec(PayloadCodec, WithSerializationContext):
    """Encrypts with the first key of the ring, decrypts with any; other payloads pass through.

    With `refuses_clear` nobody can read those others: whoever reaches Temporal without a key can
    then hand in no event and no argument. Calls without arguments are still possible.

    The SDK says of which workflow the payloads are (`with_context`). What is encrypted is then
    bound to that workflow, and what is bound to another one is not decrypted.

    A process that starts before Temporal does sets `checked` to False until its keys are compared
    with those of what is stored (`activities.keys`): it encrypts nothing in the meantime.
    """

    key_ring: Mapping[str, bytes] = field(repr=False)
    refuses_clear: bool = False
    checked: bool = field(init=False, default=True)
    is_foreign: Callable[[str], Awaitable[bool]] | None = field(init=False, default=None)
    """Whether a key that is not in the ring was never in use here: then only the reader of the
    payload fails. A worker knows this. Otherwise what lacks its key waits for the key."""
    waits: bool = field(init=False, default=True)  # the log of keys reads nothing, old keys or not
    workflow: bytes | None = field(init=False, default=None)
    _ciphers: dict[str, AESGCM] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in self.key_ring.items()}

    def with_context(self, context: SerializationContext) -> "EncryptionCodec":
        """Return the codec of one workflow's payloads, those of its activities included."""
        if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return self
        if not context.workflow_id:
            return self  # an activity that no workflow started
        bound = copy.copy(self)
        bound.waits = not self.is_foreign or context.workflow_id != ENCRYPTION_KEYS_WORKFLOW_ID
        bound.workflow = hashlib.sha256(context.workflow_id.encode()).digest()[:DIGEST_BYTES]
        return bound

    @property
    def current_key_id(self) -> str:
        """The id of the key that encrypts."""
        return next(iter(self._ciphers))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt payloads, metadata included.

        Raises:
            UncheckedKeysError: it is not known yet whether the keys are right.
        """
        if not self.checked:
            raise UncheckedKeysError("the encryption keys were not compared yet with those in use")
        key_id = self.current_key_id
        return [self._encrypt(key_id, payload) for payload in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """Decrypt payloads.

        What was altered, is another workflow's, or was not encrypted by us, stays as it is. So only
        the reader of that payload fails, and not everything that came with it: a signal with such
        an argument is dropped, and blocks no workflow.

        What is bound to no workflow is read anywhere. It was stored before payloads were bound, or
        by a client in another language. A codec that does not know the workflow reads all.

        Raises:
            CodecError: the key is not in the ring, and is not foreign.
        """
        return [
            await self._decrypted_or_foreign(payload)
            if is_encrypted(payload)
            else self._clear(payload)
            for payload in payloads
        ]

    async def _decrypted_or_foreign(self, payload: Payload) -> Payload:
        try:
            return self._decrypt(payload)
        except CodecError:
            if not self.waits or (self.is_foreign and await self.is_foreign(key_id_of(payload))):
                return payload
            raise

    def _encrypt(self, key_id: str, payload: Payload) -> Payload:
        nonce = os.urandom(NONCE_BYTES)
        clear, encoding = payload.SerializeToString(), ENCODING
        if MIN_COMPRESSED_BYTES <= len(clear) <= MAX_COMPRESSED_BYTES:
            packed = _compressed(clear)
            if len(packed) < len(clear):
                clear, encoding = packed, COMPRESSED_ENCODING
        associated = _associated_data(key_id, self.workflow)
        sealed = Payload(data=nonce + self._ciphers[key_id].encrypt(nonce, clear, associated))
        # Set one by one: protobuf takes three times as long over a dict (22 against 7 us).
        sealed.metadata["encoding"] = encoding
        sealed.metadata["key-id"] = key_id.encode()
        if self.workflow is not None:
            sealed.metadata["workflow"] = self.workflow
        return sealed

    def _clear(self, payload: Payload) -> Payload:
        if not self.refuses_clear:
            return payload
        metrics.codec_failed("clear")
        return REFUSED

    def _decrypt(self, payload: Payload) -> Payload:
        key_id = key_id_of(payload)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            metrics.codec_failed("missing_key")
            raise CodecError(f"encryption key {key_id!r} is not in the key ring; add it again")
        workflow = payload.metadata.get("workflow")
        if workflow is not None and self.workflow not in (None, workflow):
            metrics.codec_failed("misplaced")
            return payload
        nonce, sealed = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            clear = cipher.decrypt(nonce, sealed, _associated_data(key_id, workflow))
            if payload.metadata["encoding"] == COMPRESSED_ENCODING:
                clear = _expanded(clear)
            return Payload.FromString(clear)
        except (InvalidTag, ValueError, DecodeError, zlib.error):
            metrics.codec_failed("altered")
            return payload


def is_encrypted(payload: Payload) -> bool:
    """Return whether this is the ciphertext of a payload."""
    return payload.metadata.get("encoding") in (ENCODING, COMPRESSED_ENCODING)


def key_id_of(payload: Payload) -> str:
    """Return the id of the key that a payload names, cut to the length of an id of ours."""
    return payload.metadata.get("key-id", b"").decode(errors="replace")[:MAX_KEY_ID]


def _associated_data(key_id: str, workflow: bytes | None) -> bytes:
    # No id of a key has a zero byte, so no bound payload looks like one that is not.
    return key_id.encode() if workflow is None else b"%b\0%b" % (key_id.encode(), workflow)


def _compressed(clear: bytes) -> bytes:
    # By default zlib takes 256 KiB of fresh memory for each call, which costs more than its work:
    # 58 to 345 us for 1 KiB in place of 11.
    compressor = zlib.compressobj(level=1, wbits=13, memLevel=6)
    return compressor.compress(clear) + compressor.flush()


def _expanded(packed: bytes) -> bytes:
    """Return what was compressed.

    Raises:
        zlib.error: it was not compressed, or not by us.
        ValueError: it is cut off, or larger than what we compress.
    """
    expander = zlib.decompressobj()
    clear = expander.decompress(packed, MAX_COMPRESSED_BYTES + 1)  # one more, to see the end
    if not expander.eof:
        raise ValueError("cut off, or too large")
    return clear


class ModelConverter(CompositePayloadConverter):
    """The SDK's converter of pydantic models, made once.

    The SDK makes a new converter for every workflow and activity. Those of pydantic have a
    serializer and a cache of validators, so a new one begins with an empty cache.
    """

    def __init__(self) -> None:
        super().__init__(*CONVERTERS)

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Return the values of payloads.

        Raises:
            CodecError: one is still encrypted. The text names its key.
        """
        try:
            return super().from_payloads(payloads, type_hints)
        except KeyError:
            for payload in filter(is_encrypted, payloads):
                raise CodecError(
                    f"it was encrypted with a key {key_id_of(payload)!r} that the workers do not"
                    " have, or for another workflow, or was altered"
                ) from None
            raise


CLEAR_FAILURES = DefaultFailureConverter()


class PlainFailureConverter(DefaultFailureConverterWithEncodedAttributes):
    """Failures that say what has happened, encrypted with their texts.

    What was raised for people or programs to act on (a `FailureError`) has no traceback: where in
    our code it was raised tells an operator nothing. Any other exception is a fault of ours, and
    keeps the traceback by which it is found.

    A failure that says that a key is wrong is not encrypted, because who must read it has a wrong
    key. Its text names the key, and nothing that was stored.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Fill in a failure; the SDK calls this for each of its causes, too."""
        if not isinstance(exception, FailureError):
            super().to_failure(exception, payload_converter, failure)
            return
        says_wrong_key = getattr(exception, "type", None) == ErrorType.UNREADABLE
        convert = CLEAR_FAILURES.to_failure if says_wrong_key else super().to_failure
        traceback, exception.__traceback__ = exception.__traceback__, None
        try:
            convert(exception, payload_converter, failure)
        finally:
            exception.__traceback__ = traceback


def data_converter(codec: PayloadCodec) -> DataConverter:
    """Return the one data converter: pydantic models as JSON, encrypted, failures included."""
    return DataConverter(
        payload_converter_class=ModelConverter,
        payload_codec=codec,
        failure_converter_class=PlainFailureConverter,
    )
