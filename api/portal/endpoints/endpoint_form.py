"""The form of an endpoint's settings: filled from an endpoint or by a person, and read."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from starlette.datastructures import FormData

from api.http import invalid
from api.portal.forms import text
from hookwright.models import EndpointState

OWN_HEADER_ROWS = 3
"""How many empty rows for new headers the form has."""

DEFAULT, OWN, KEEP = "default", "own", "keep"
"""What a person chooses for retries: the contract's, an own list, or the formula that is set."""


@dataclass
class EndpointForm:
    """What the form shows. It never holds a secret or the value of a header."""

    url: str = ""
    description: str = ""
    active: bool = True
    event_types: list[str] = field(default_factory=lambda: ["*"])
    patterns: str = ""
    channels: str = ""
    filter: str = ""
    payload_template: str = ""
    retry: str = DEFAULT
    schedule: str = ""
    timeout_seconds: str = ""
    gives_secret: bool = False
    header_names: list[str] = field(default_factory=list)
    removed_headers: list[str] = field(default_factory=list)
    new_header_names: list[str] = field(default_factory=list)
    example: str = ""
    example_data: str = ""
    key: str = ""
    version: str = ""

    @classmethod
    def of(cls, endpoint: EndpointState, known_types: Collection[str]) -> Self:
        """Return the form with an endpoint's settings."""
        config = endpoint.active_config
        known = {"*", *known_types}
        own = getattr(config.retry, "schedule_seconds", None)
        return cls(
            url=config.url,
            description=config.description,
            event_types=[each for each in config.event_types if each in known],
            patterns="\n".join(each for each in config.event_types if each not in known),
            channels=", ".join(config.channels),
            filter=config.filter or "",
            payload_template=config.payload_template or "",
            retry=DEFAULT if config.retry is None else KEEP if own is None else OWN,
            schedule=", ".join(f"{each:g}" for each in own or ()),
            timeout_seconds="" if config.timeout_seconds is None else f"{config.timeout_seconds:g}",
            header_names=list(endpoint.headers),
            version=str(endpoint.version),
        )

    @classmethod
    def read(cls, form: FormData, header_names: Iterable[str] = ()) -> Self:
        """Return the form as a person filled it, without secrets."""
        return cls(
            url=text(form, "url"),
            description=text(form, "description"),
            active=text(form, "active") == "yes",
            event_types=_texts(form, "event_type"),
            patterns=text(form, "patterns"),
            channels=text(form, "channels"),
            filter=text(form, "filter"),
            payload_template=text(form, "payload_template"),
            retry=text(form, "retry") or DEFAULT,
            schedule=text(form, "schedule"),
            timeout_seconds=text(form, "timeout_seconds"),
            gives_secret=text(form, "secret_from") == "person",
            header_names=list(header_names),
            removed_headers=_texts(form, "header_remove"),
            new_header_names=_texts(form, "header_name"),
            example=text(form, "example"),
            example_data=text(form, "example_data"),
            key=text(form, "key"),
            version=text(form, "version"),
        )

    def wanted_types(self) -> list[str]:
        """Return the ticked types and the patterns, each once.

        Raises:
            Problem: 422, there is none.
        """
        wanted = [*dict.fromkeys([*self.event_types, *_words(self.patterns)])]
        if not wanted:
            raise invalid(("body", "event_types"), "choose at least one event type")
        return wanted

    def settings(self) -> dict[str, Any]:
        """Return the settings as the API takes them. They are not checked yet.

        Raises:
            Problem: 422, a number is none, or there is no event type.
        """
        settings: dict[str, Any] = {
            "url": self.url,
            "description": self.description,
            "event_types": self.wanted_types(),
            "channels": _words(self.channels),
            "filter": self.filter or None,
            "payload_template": self.payload_template or None,
            "timeout_seconds": None,
        }
        if self.timeout_seconds:
            settings["timeout_seconds"] = _number("timeout_seconds", self.timeout_seconds)
        if self.retry != KEEP:
            settings["retry"] = None
        if self.retry == OWN:
            delays = [_number("retry", word) for word in _words(self.schedule)]
            settings["retry"] = {"schedule_seconds": delays}
        return settings

    @property
    def header_rows(self) -> list[str]:
        """The names in the rows for new headers, and empty rows."""
        return [*self.new_header_names, *[""] * OWN_HEADER_ROWS]


def read_headers(form: FormData, current: Mapping[str, str]) -> dict[str, str]:
    """Return all headers of the endpoint: those that stay, are replaced, and are new.

    Raises:
        Problem: 422, a new header has no value, or a value has no name.
    """
    removed = {*_texts(form, "header_remove")}
    headers = {
        name: text(form, f"header_value_{index}") or value
        for index, (name, value) in enumerate(current.items())
        if name not in removed
    }
    names, values = form.getlist("header_name"), form.getlist("header_value")
    for name, value in zip(names, values, strict=False):
        given = (str(name).strip(), str(value).strip())
        if any(given) and not all(given):
            raise invalid(("body", "headers"), "a header has a name and a value")
        if given[0].lower() in {known.lower() for known in headers}:
            raise invalid(("body", "headers"), "a header is given twice")
        if all(given):
            headers[given[0]] = given[1]
    return headers


def _texts(form: FormData, name: str) -> list[str]:
    """Return a field's values without repetitions and empty ones."""
    return [*dict.fromkeys(value for each in form.getlist(name) if (value := str(each).strip()))]


def _words(value: str) -> list[str]:
    """Return what spaces, commas and line ends separate."""
    return value.replace(",", " ").split()


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise invalid(("body", name), "give numbers of seconds") from None
