"""Names: what may be one, and the workflow ids made of them."""

import inspect
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from support.strategies import NAMES

from hookwright import ids as module
from hookwright.ids import (
    EventType,
    Name,
    delivery_id,
    delivery_workflow_id,
    endpoint_test_workflow_id,
    endpoint_workflow_id,
    event_workflow_id,
    id_from_key,
    new_endpoint_id,
    new_event_id,
    recovery_id,
    recovery_workflow_id,
    tenant_workflow_id,
    tenant_workflow_prefixes,
)

NAME = TypeAdapter(Name)
TYPE = TypeAdapter(EventType)
KEYS = st.text(min_size=1, max_size=255)


@given(tenant=NAMES, event=NAMES, key=KEYS)
def test_workflow_ids_fit(tenant, event, key):
    """Every workflow id has at most 200 characters, all of the charset that needs no escaping."""
    for endpoint in (new_endpoint_id(), id_from_key("ep", tenant, key)):
        for made in (
            tenant_workflow_id(tenant),
            endpoint_workflow_id(tenant, endpoint),
            event_workflow_id(tenant, event),
            delivery_workflow_id(tenant, endpoint, event),
        ):
            assert re.fullmatch(r"[A-Za-z0-9_:-]{1,200}", made)


def test_every_workflow_of_a_tenant_is_erased_with_it():
    """The workflows that an erasure looks for are all that have a tenant's id, but its own."""
    makers = {
        name: (make, [*inspect.signature(make).parameters])
        for name, make in vars(module).items()
        if name.endswith("_workflow_id")
    }
    made = {
        name: make(*("acme", "x", "y")[: len(parameters)])
        for name, (make, parameters) in makers.items()
        if parameters[0] == "tenant_id"
    }
    assert made.pop("tenant_workflow_id") == "tenant:acme"
    prefixes = tenant_workflow_prefixes("acme")
    assert {name: each for name, each in made.items() if not each.startswith(prefixes)} == {}
    assert all(any(each.startswith(prefix) for each in made.values()) for prefix in prefixes)


def test_the_longest_workflow_id():
    """The longest names give ids that Temporal's stores and the columns of PostgreSQL take."""
    longest = "x" * 64
    endpoint = id_from_key("ep", longest, longest)
    assert len(delivery_workflow_id(longest, endpoint, longest)) <= 200
    ids = (
        tenant_workflow_id(longest),
        endpoint_workflow_id(longest, longest),
        event_workflow_id(longest, longest),
        delivery_workflow_id(longest, longest, longest),
        endpoint_test_workflow_id(longest, longest, longest),
        recovery_workflow_id(longest, longest),
        recovery_id(longest, str(uuid.uuid4())),
    )
    assert max(map(len, ids)) == len(delivery_workflow_id(longest, longest, longest)) == 203


@given(parts=st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=2, max_size=2, unique=True))
def test_other_parts_make_other_ids(parts):
    """Two deliveries never share a workflow id."""
    one, other = (delivery_workflow_id(*it) for it in parts)
    assert one != other


@given(endpoint=NAMES, event=NAMES)
def test_a_delivery_id_can_be_taken_apart(endpoint, event):
    """A delivery's id contains its endpoint and its event."""
    assert delivery_id(endpoint, event).split(":") == [endpoint, event]


@pytest.mark.parametrize("name", ["a", "A-1_z", "x" * 64, "0", "-"])
def test_names(name):
    """One to 64 letters, digits, underscores and hyphens are a name."""
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a.b", "a:b", "a b", "a\n", "é", "a/b", "%41", "٣"])
def test_what_is_no_name(name):
    """A full stop, a colon, a line end and letters beyond ASCII are not in a name."""
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


@pytest.mark.parametrize(
    "name",
    ["loan", "loan.funded", "a-1.B_2.c", "orders/create", "customer:created", "a/b:c.d", "x" * 128],
)
def test_event_types(name):
    """Words separated by full stops, slashes or colons are an event type."""
    assert TYPE.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "a.*", "*", "a b", "a\n", "x" * 129, "/a", "a/", "a//b", "a:"]
    + [f"a{character}b" for character in "'\"\\`%?#&\t\x00\x7fé"],
)
def test_what_is_no_event_type(name):
    """Empty words, stars, quotes, backslashes and control characters are refused."""
    with pytest.raises(ValidationError):
        TYPE.validate_python(name)


def test_fresh_ids():
    """A fresh id is a name, and another at every call."""
    made = {make() for make in (new_event_id, new_endpoint_id) for _ in range(50)}
    assert len(made) == 100
    assert all(NAME.validate_python(it) == it for it in made)


@given(tenant=NAMES, other=NAMES, key=KEYS, other_key=KEYS)
def test_ids_from_keys(tenant, other, key, other_key):
    """The same key of the same tenant gives the same id, a name; any other gives another."""
    made = id_from_key("ep", tenant, key)
    assert made == id_from_key("ep", tenant, key)
    assert NAME.validate_python(made) == made
    assert (made == id_from_key("ep", other, other_key)) is ((tenant, key) == (other, other_key))
    assert made != id_from_key("evt", tenant, key)


def test_an_id_from_a_key_never_changes():
    """Ids of keys stay over releases, or a repeat after an upgrade would create twice."""
    assert id_from_key("ep", "acme", "key-1") == "ep_d276411b601cfa6d8948cceb766d9e43"
