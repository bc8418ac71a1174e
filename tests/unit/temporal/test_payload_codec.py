"""The payload codec: nothing is stored in clear, and nothing that was stored is lost."""

import hashlib
import zlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    ActivitySerializationContext,
    NexusSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from hookwright.temporal import EncryptionCodec
from hookwright.temporal.codec import CodecError, data_converter

OLD, NEW = bytes(32), bytes(range(32))
CODEC = EncryptionCodec({"k1": OLD})
ROTATED = EncryptionCodec({"k2": NEW, "k1": OLD})
SECRET = "whsec_dGhpcyBtdXN0IG5vdCBiZSBzZWVu"
COMPRESSED = b"binary/encrypted-zlib"
CLEAR = Payload(metadata={"encoding": b"json/plain", "messageType": b"X"}, data=SECRET.encode())
PAYLOADS = st.builds(
    lambda metadata, data: Payload(metadata=metadata, data=data),
    st.dictionaries(
        st.text(max_size=9), st.binary(max_size=9).filter(lambda it: it != b"binary/encrypted")
    ),
    st.binary(max_size=99),
)


@given(payloads=st.lists(PAYLOADS, max_size=4))
async def test_round_trip(payloads):
    """Payloads come back as they were, metadata included, in their order."""
    assert await CODEC.decode(await CODEC.encode(payloads)) == payloads


async def test_nothing_is_in_clear():
    """Neither the data nor the metadata of a payload can be read without the key."""
    (sealed,) = await CODEC.encode([CLEAR])
    stored = sealed.SerializeToString()
    assert SECRET.encode() not in stored
    assert b"json/plain" not in stored
    assert set(sealed.metadata) == {"encoding", "key-id"}


async def test_layout_as_documented():
    """Another language decrypts by docs/publishing.md alone: key id, nonce, associated data."""
    (sealed,) = await CODEC.encode([CLEAR])
    assert dict(sealed.metadata) == {"encoding": b"binary/encrypted", "key-id": b"k1"}
    clear = AESGCM(OLD).decrypt(sealed.data[:12], sealed.data[12:], sealed.metadata["key-id"])
    assert Payload.FromString(clear) == CLEAR
    assert len(sealed.data) == 12 + len(clear) + 16


LONG = Payload(metadata={"encoding": b"json/plain"}, data=b'{"note": "' + b"x" * 400 + b'"}')


async def test_layout_of_a_compressed_payload():
    """Another language reads a long payload by docs/publishing.md: it is compressed with zlib."""
    (sealed,) = await CODEC.encode([LONG])
    assert dict(sealed.metadata) == {"encoding": b"binary/encrypted-zlib", "key-id": b"k1"}
    packed = AESGCM(OLD).decrypt(sealed.data[:12], sealed.data[12:], sealed.metadata["key-id"])
    assert Payload.FromString(zlib.decompress(packed)) == LONG
    assert len(sealed.data) < len(LONG.data) / 4


def _sealed(clear: bytes, encoding: bytes = b"binary/encrypted") -> Payload:
    """Return what another client may have stored."""
    data = bytes(12) + AESGCM(OLD).encrypt(bytes(12), clear, b"k1")
    return Payload(metadata={"encoding": encoding, "key-id": b"k1"}, data=data)


@given(data=st.binary(max_size=4_000))
async def test_sizes_and_contents(data):
    """Short or long, compressible or not: every payload comes back, and none becomes larger."""
    payload = Payload(metadata={"encoding": b"binary/plain"}, data=data)
    (sealed,) = await CODEC.encode([payload])
    assert await CODEC.decode([sealed]) == [payload]
    assert len(sealed.data) <= 12 + payload.ByteSize() + 16


async def test_long_payloads_that_are_not_compressed():
    """What an earlier version or another client has stored, however long, is read."""
    assert await CODEC.decode([_sealed(LONG.SerializeToString())]) == [LONG]


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, 64 * 1024 * 1024])
async def test_payloads_that_expand_too_far(size):
    """A small payload cannot fill the memory: beyond what we compress it stays as it is."""
    bomb = _sealed(zlib.compress(Payload(data=bytes(size)).SerializeToString()), COMPRESSED)
    assert await CODEC.decode([bomb]) == [bomb]


async def test_the_largest_payload_that_is_compressed():
    """The largest payload that is compressed comes back whole."""
    payload = Payload(data=bytes(2**21 - 4))  # and four bytes of protobuf
    assert payload.ByteSize() == 2**21
    (sealed,) = await CODEC.encode([payload])
    assert sealed.metadata["encoding"] == COMPRESSED
    assert await CODEC.decode([sealed]) == [payload]


async def test_payloads_beyond_the_limit_of_compression():
    """What is too large for Temporal is not made to fit: it is refused as before, not lost."""
    (sealed,) = await CODEC.encode([Payload(data=bytes(3 * 1024 * 1024))])
    assert sealed.metadata["encoding"] == b"binary/encrypted"


@pytest.mark.parametrize("packed", [b"", b"x", LONG.data, zlib.compress(LONG.data)[:-1]])
async def test_payloads_that_are_not_what_they_say(packed):
    """A payload that is said to be compressed, and is not or is cut off, stays as it is."""
    sealed = _sealed(packed, COMPRESSED)
    assert await CODEC.decode([sealed]) == [sealed]


A, B = "endpoint:a:ep_1", "endpoint:b:ep_1"


def of_workflow(workflow_id: str, codec: EncryptionCodec = CODEC) -> EncryptionCodec:
    """Return the codec as the SDK uses it for a workflow's payloads."""
    return codec.with_context(WorkflowSerializationContext("default", workflow_id))


def of_activity(workflow_id: str | None) -> EncryptionCodec:
    """Return the codec as the SDK uses it for the payloads of a workflow's activity."""
    return CODEC.with_context(
        ActivitySerializationContext("default", "1", "deliver", "queue", workflow_id, None, True)
    )


@pytest.mark.parametrize("payload", [CLEAR, LONG], ids=["short", "long"])
async def test_layout_of_a_bound_payload(payload):
    """Another language reads and writes bound payloads by docs/publishing.md alone."""
    (sealed,) = await of_workflow(A).encode([payload])
    digest = hashlib.sha256(A.encode()).digest()[:16]
    assert sealed.metadata["workflow"] == digest
    clear = AESGCM(OLD).decrypt(sealed.data[:12], sealed.data[12:], b"k1\0" + digest)
    packed = sealed.metadata["encoding"] == COMPRESSED
    assert Payload.FromString(zlib.decompress(clear) if packed else clear) == payload


@pytest.mark.parametrize("write", [of_workflow, of_activity])
@pytest.mark.parametrize("read", [of_workflow, of_activity])
@given(payload=PAYLOADS)
async def test_bound_payloads(write, read, payload):
    """A payload of a workflow, or of its activity, is read there, and in no other workflow."""
    sealed = await write(A).encode([payload])
    assert await read(A).decode(sealed) == [payload]
    assert await read(B).decode(sealed) == sealed


async def test_whoever_knows_no_workflow_reads_bound_payloads():
    """The codec endpoint, which is told of no workflow, shows them; an altered one it does not."""
    sealed = await of_workflow(A).encode([CLEAR])
    assert await CODEC.decode(sealed) == [CLEAR]
    sealed[0].data = sealed[0].data[:-1] + bytes([sealed[0].data[-1] ^ 1])
    assert await CODEC.decode(sealed) == sealed


@pytest.mark.parametrize("read", [of_workflow(A), of_workflow(B), of_activity(A), CODEC])
async def test_payloads_that_are_bound_to_no_workflow(read):
    """What was stored before, or by a client that does not bind, is read everywhere."""
    sealed = await CODEC.encode([CLEAR, LONG])
    assert all("workflow" not in payload.metadata for payload in sealed)
    assert await read.decode(sealed) == [CLEAR, LONG]


@pytest.mark.parametrize("forged", [None, b"", b"x", hashlib.sha256(B.encode()).digest()[:16]])
@pytest.mark.parametrize("read", [of_workflow(A), of_workflow(B), CODEC])
async def test_a_binding_that_was_changed(forged, read):
    """Nobody without the key binds a payload to another workflow, or to none."""
    (sealed,) = await of_workflow(A).encode([CLEAR])
    del sealed.metadata["workflow"]
    if forged is not None:
        sealed.metadata["workflow"] = forged
    assert await read.decode([sealed]) == [sealed]


@pytest.mark.parametrize("forged", [b"", hashlib.sha256(A.encode()).digest()[:16]])
async def test_a_binding_that_was_added(forged):
    """Nobody without the key binds what is bound to no workflow."""
    (sealed,) = await CODEC.encode([CLEAR])
    sealed.metadata["workflow"] = forged
    assert await of_workflow(A).decode([sealed]) == [sealed]


async def test_contexts_without_a_workflow():
    """An activity that no workflow started, or a Nexus operation, is bound to none."""
    assert of_activity(None) is CODEC
    assert of_activity("") is CODEC
    assert CODEC.with_context(NexusSerializationContext("e", "s", "o")) is CODEC


async def test_bound_payloads_after_a_rotation():
    """A new key changes nothing of the binding: both keys' payloads are read in their workflow."""
    sealed = [
        *await of_workflow(A).encode([CLEAR]),
        *await of_workflow(A, ROTATED).encode([CLEAR]),
    ]
    assert await of_workflow(A, ROTATED).decode(sealed) == [CLEAR, CLEAR]
    assert await of_workflow(B, ROTATED).decode(sealed) == sealed


async def test_equal_payloads_look_different():
    """Every encryption has its own nonce, so that equal payloads cannot be recognised."""
    sealed = await CODEC.encode([CLEAR] * 50)
    assert len({payload.data[:12] for payload in sealed}) == 50
    assert len({payload.data for payload in sealed}) == 50


async def test_rotation():
    """After a rotation the new key encrypts and the old one still decrypts."""
    before = await CODEC.encode([CLEAR])
    after = await ROTATED.encode([CLEAR])
    assert after[0].metadata["key-id"] == b"k2"
    assert await ROTATED.decode([*before, *after]) == [CLEAR, CLEAR]


async def test_a_missing_key():
    """A key that left the ring too early is named, so that it can be put back."""
    sealed = await ROTATED.encode([CLEAR])
    with pytest.raises(CodecError, match="'k2' is not in the key ring"):
        await CODEC.decode(sealed)


async def test_the_wrong_key_under_the_right_id():
    """Another key under the same id does not decrypt: the payload stays sealed."""
    sealed = await CODEC.encode([CLEAR])
    assert await EncryptionCodec({"k1": NEW}).decode(sealed) == sealed


@given(data=st.data())
async def test_any_altered_byte(data):
    """A payload of which one bit was changed, or the end was cut off, stays as it is."""
    (sealed,) = await CODEC.encode([CLEAR])
    position = data.draw(st.integers(0, len(sealed.data) - 1))
    altered = bytearray(sealed.data)
    altered[position] ^= 1 << data.draw(st.integers(0, 7))
    for content in (bytes(altered), sealed.data[:position]):
        payload = Payload(metadata=sealed.metadata, data=content)
        assert await CODEC.decode([payload]) == [payload]
        with pytest.raises(KeyError, match="encoding"):
            pydantic_data_converter.payload_converter.from_payload(payload)


@pytest.mark.parametrize(
    "metadata",
    [
        *({}, {"encoding": b""}, {"encoding": b"json/plain"}, {"encoding": b"binary/null"}),
        *({"encoding": b"binary/encrypted-other"}, {"encoding": b"json/plain", "key-id": b"k1"}),
    ],
)
async def test_clear_payloads_are_refused_if_wished(metadata):
    """Then what was not encrypted reads as nothing at all; what was encrypted reads as ever."""
    clear = Payload(metadata=metadata, data=b"null")
    assert await CODEC.decode([clear]) == [clear]
    strict = EncryptionCodec({"k1": OLD}, refuses_clear=True)
    refused, read = await strict.decode([clear, *await CODEC.encode([CLEAR])])
    assert read == CLEAR
    assert b"null" not in refused.SerializeToString()
    with pytest.raises(KeyError, match="encoding"):
        pydantic_data_converter.payload_converter.from_payload(refused)


async def test_a_payload_under_another_keys_id():
    """The key's id is sealed in: a payload does not move to another id, even of the same key."""
    twins = EncryptionCodec({"k1": OLD, "k2": OLD})
    (sealed,) = await twins.encode([CLEAR])
    sealed.metadata["key-id"] = b"k2"
    assert await twins.decode([sealed]) == [sealed]


@pytest.mark.parametrize("key_id", [None, b"", b"\xff\xfe", b"k" * 999])
async def test_hostile_key_ids(key_id):
    """A payload with no key id, or one that is no text, is an error like any missing key."""
    metadata = {"encoding": b"binary/encrypted"} | ({} if key_id is None else {"key-id": key_id})
    with pytest.raises(CodecError, match="not in the key ring"):
        await CODEC.decode([Payload(metadata=metadata, data=b"x" * 40)])


@given(payloads=st.lists(PAYLOADS, max_size=4))
async def test_foreign_payloads(payloads):
    """Payloads that were not encrypted by us pass through untouched."""
    assert await CODEC.decode(payloads) == payloads


class Letter(BaseModel):
    """A model, as workflows pass them."""

    secret: str


async def test_the_data_converter_encrypts_models():
    """A model goes to Temporal as encrypted JSON and comes back as the model."""
    converter = data_converter(CODEC)
    stored = await converter.encode([Letter(secret=SECRET)])
    assert SECRET.encode() not in stored[0].SerializeToString()
    assert await converter.decode(stored, [Letter]) == [Letter(secret=SECRET)]


async def test_the_data_converter_encrypts_failures():
    """A failure's message, its trace, its details and its cause are encrypted, and come back."""
    converter = data_converter(CODEC)
    error = ApplicationError(f"message {SECRET}", {"detail": SECRET}, type="http_error")
    error.__cause__ = ValueError(f"cause {SECRET}")
    failure = Failure()
    await converter.encode_failure(error, failure)
    stored = failure.SerializeToString()
    assert SECRET.encode() not in stored
    assert b"message" not in stored.replace(b"encoded_attributes", b"")
    assert failure.application_failure_info.type == "http_error"
    back = await converter.decode_failure(failure)
    assert isinstance(back, ApplicationError)
    assert back.message == f"message {SECRET}"
    assert back.details == ({"detail": SECRET},)


def test_keys_are_not_shown():
    """A codec that gets into a log line or a traceback does not show its keys."""
    assert repr(NEW)[2:-1] not in repr(ROTATED)
    assert repr(OLD)[2:20] not in repr(CODEC)
