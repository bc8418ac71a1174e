"""The payload codec: everything that Temporal stores is encrypted, failures included.

AES-256-GCM. The key's id is in the metadata, so keys can be rotated: put the new one first and keep
the old ones. Deliveries and events need an old key until retention has passed. A tenant or an
endpoint that has not been changed since then needs it for as long as it lives.

What is not short is compressed first, because ciphertext cannot be: a delivery's history is a third
smaller (docs/decisions/0026-cost-of-python.md).

The layout of an encrypted payload, for clients in other languages, is in docs/publishing.md.
"""

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

CONVERTERS = tuple(PydanticPayloadConverter().converters.values())

ENCODING, COMPRESSED_ENCODING = b"binary/encrypted", b"binary/encrypted-zlib"
NONCE_BYTES = 12

MIN_COMPRESSED_BYTES, MAX_COMPRESSED_BYTES = 256, 2 * 1024 * 1024
"""The size of clear payloads that are compressed. Temporal refuses larger ones, and no compressed
payload may expand to more."""

REFUSED = Payload(metadata={"encoding": b"hookwright/refused-clear"})
"""What takes the place of a payload that is refused: no converter reads it, so only its reader
fails."""


class CodecError(ValueError):
    """A payload cannot be decrypted, for its key is missing; the text names it."""


@dataclass
class EncryptionCodec(PayloadCodec):
    """Encrypts with the first key of the ring, decrypts with any; other payloads pass through.

    With `refuses_clear` nobody can read those others: whoever reaches Temporal without a key can
    then hand in no event and no argument. Calls without arguments are still possible.
    """

    key_ring: Mapping[str, bytes] = field(repr=False)
    refuses_clear: bool = False
    _ciphers: dict[str, AESGCM] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in self.key_ring.items()}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt payloads, metadata included."""
        key_id = next(iter(self._ciphers))
        return [self._encrypt(key_id, payload) for payload in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """Decrypt payloads.

        What was altered, or was not encrypted by us, stays as it is. So only the reader of that
        payload fails, and not everything that came with it: a signal with such an argument is
        dropped, and blocks no workflow.

        Raises:
            CodecError: the key is not in the ring.
        """
        other = REFUSED if self.refuses_clear else None
        return [
            self._decrypt(payload)
            if payload.metadata.get("encoding") in (ENCODING, COMPRESSED_ENCODING)
            else other or payload
            for payload in payloads
        ]

    def _encrypt(self, key_id: str, payload: Payload) -> Payload:
        nonce = os.urandom(NONCE_BYTES)
        clear, encoding = payload.SerializeToString(), ENCODING
        if MIN_COMPRESSED_BYTES <= len(clear) <= MAX_COMPRESSED_BYTES:
            packed = _compressed(clear)
            if len(packed) < len(clear):
                clear, encoding = packed, COMPRESSED_ENCODING
        sealed = Payload(data=nonce + self._ciphers[key_id].encrypt(nonce, clear, key_id.encode()))
        # Set one by one: protobuf takes three times as long over a dict (22 against 7 us).
        sealed.metadata["encoding"] = encoding
        sealed.metadata["key-id"] = key_id.encode()
        return sealed

    def _decrypt(self, payload: Payload) -> Payload:
        key_id = payload.metadata.get("key-id", b"").decode(errors="replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise CodecError(f"encryption key {key_id!r} is not in the key ring; add it again")
        nonce, sealed = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            clear = cipher.decrypt(nonce, sealed, key_id.encode())
            if payload.metadata["encoding"] == COMPRESSED_ENCODING:
                clear = _expanded(clear)
            return Payload.FromString(clear)
        except (InvalidTag, ValueError, DecodeError, zlib.error):
            return payload


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


def data_converter(codec: PayloadCodec) -> DataConverter:
    """Return the one data converter: pydantic models as JSON, encrypted, failures included."""
    return DataConverter(
        payload_converter_class=ModelConverter,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
