"""Which URLs may be registered: a table of what was tried against other senders, and more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.security import MAX_URL_LENGTH, DestinationPolicy, parse_networks

PUBLIC = DestinationPolicy()

ALLOWED = {
    "https://hooks.example.com/in": "https://hooks.example.com/in",
    "https://HOOKS.Example.COM/In": "https://hooks.example.com/In",
    "HTTPS://hooks.example.com": "https://hooks.example.com",
    "https://8.8.8.8/in": "https://8.8.8.8/in",
    "https://bücher.example/in": "https://xn--bcher-kva.example/in",
    "https://xn--bcher-kva.example/in": "https://xn--bcher-kva.example/in",
    "https://日本語アニメ.example/": "https://xn--cck5dwcv07zzlbtz6h.example/",
    "https://hooks.example.com:443/": "https://hooks.example.com:443/",
    "https://hooks.example.com:80/": "https://hooks.example.com:80/",
    "https://hooks.example.com:1024/": "https://hooks.example.com:1024/",
    "https://hooks.example.com:65535/": "https://hooks.example.com:65535/",
    "https://hooks.example.com/a%20b?c=d%26e": "https://hooks.example.com/a%20b?c=d%26e",
    "https://hooks.example.com?a=b": "https://hooks.example.com?a=b",
    "https://[2606:4700:4700::1111]:8443/": "https://[2606:4700:4700::1111]:8443/",
    # A wildcard name for a loopback address: only the answer of the DNS can tell.
    "https://127.0.0.1.nip.example/": "https://127.0.0.1.nip.example/",
    # The first and last addresses beside forbidden ranges.
    "https://1.0.0.0/": "https://1.0.0.0/",
    "https://9.255.255.255/": "https://9.255.255.255/",
    "https://11.0.0.0/": "https://11.0.0.0/",
    "https://100.63.255.255/": "https://100.63.255.255/",
    "https://100.128.0.0/": "https://100.128.0.0/",
    "https://126.255.255.255/": "https://126.255.255.255/",
    "https://128.0.0.0/": "https://128.0.0.0/",
    "https://169.253.255.255/": "https://169.253.255.255/",
    "https://169.255.0.0/": "https://169.255.0.0/",
    "https://172.15.255.255/": "https://172.15.255.255/",
    "https://172.32.0.0/": "https://172.32.0.0/",
    "https://192.0.1.0/": "https://192.0.1.0/",
    "https://192.167.255.255/": "https://192.167.255.255/",
    "https://192.169.0.0/": "https://192.169.0.0/",
    "https://198.17.255.255/": "https://198.17.255.255/",
    "https://198.20.0.0/": "https://198.20.0.0/",
    "https://223.255.255.255/": "https://223.255.255.255/",
    "https://168.63.129.15/": "https://168.63.129.15/",
    "https://168.63.129.17/": "https://168.63.129.17/",
    "https://[2001:200::1]/": "https://[2001:200::1]/",
    "https://[2003::1]/": "https://[2003::1]/",
}

REFUSED = {
    "another scheme": [
        "http://hooks.example.com/in",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "dict://127.0.0.1:11211/stats",
        "ftp://hooks.example.com/",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
        "data:text/plain,x",
        "javascript:alert(1)",
        "ws://hooks.example.com/",
        "wss://hooks.example.com/",
    ],
    "not absolute": [
        "",
        "https:",
        "https://",
        "//hooks.example.com/in",
        "hooks.example.com/in",
        "https:/127.0.0.1/",
        "https:///in",
        "https:hooks.example.com",
        "https://?x",
        "https://:443/",
    ],
    "IPv4 that is not public": [
        "https://0.0.0.0/",
        "https://0.1.2.3/",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://127.0.0.1/",
        "https://127.0.0.2/",
        "https://168.63.129.16/",
        "https://169.254.169.254/",
        "https://169.254.170.2/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.0.0.192/",
        "https://192.0.2.1/",
        "https://192.88.99.1/",
        "https://192.168.1.1/",
        "https://198.18.0.1/",
        "https://198.19.255.255/",
        "https://198.51.100.1/",
        "https://203.0.113.1/",
        "https://224.0.0.1/",
        "https://239.255.255.250/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
    ],
    "IPv4 in disguise": [
        "https://127.1/",
        "https://127.0.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://0x7f.0.0.1/",
        "https://0X7F.0.0.1/",
        "https://0x7f000001/",
        "https://127.000.000.001/",
        "https://127.0.0.1./",
        "https://①②⑦.⓪.⓪.①/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://127.0.0.\uff11/",
        "https://127。0。0。1/",
        "https://127\uff0e0\uff0e0\uff0e1/",
        "https://1.1.1.1.1/",
        "https://256.256.256.256/",
        "https://0xffffffff/",
        "https://0377.0377.0377.0377/",
        "https://8.8.8.08/",
        "https://8.8.8/",
        "https://134744072/",
        "https://a.1/",
        "https://a。1/",
        "https://a.0x7f/",
    ],
    "IPv6 that is not public": [
        "https://[::]/",
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[::7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b:1::1]/",
        "https://[100::1]/",
        "https://[2001::1]/",
        "https://[2001:1ff:ffff::1]/",
        "https://[2001:db8::1]/",
        "https://[2002:7f00:1::]/",
        "https://[2002:a9fe:a9fe::1]/",
        "https://[2620:4f:8000::1]/",
        "https://[3fff::1]/",
        "https://[::5efe:7f00:1]/",
        "https://[4000::1]/",
        "https://[5f00::1]/",
        "https://[fc00::1]/",
        "https://[fd20:ce::254]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
    ],
    "not an address in brackets": [
        "https://[fe80::1%eth0]/",
        "https://[::1%25lo]/",
        "https://[2606:4700::1111%25eth0]/",
        "https://[1.2.3.4]/",
        "https://[8.8.8.8]/",
        "https://[::g]/",
        "https://[::1/",
        "https://::1]/",
        "https://[]/",
        "https://[v1.x]/",
        "https://[2606:4700::1111]evil.example/",
        "https://evil[2606:4700::1111]/",
    ],
    "an internal name": [
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://foo.localhost/",
        "https://foo。localhost/",
        "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
        "https://intranet/",
        "https://temporal/",
        "https://printer.local/",
        "https://vault.internal/",
        "https://api.default.svc/",
        "https://api.svc.cluster.local/",
        "https://metadata.google.internal/",
        "https://METADATA.google.internal/",
        "https://metadata.goog/",
        "https://instance-data.ec2.internal/",
    ],
    "user or password": [
        "https://user:pw@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://:@hooks.example.com/",
        "https://a@b@127.0.0.1/",
        "https://hooks.example.com:80@127.0.0.1/",
    ],
    "characters that parsers disagree about": [
        "https://127.0.0.1\\@hooks.example.com/",
        "https://hooks.example.com\\/",
        "https://hooks.example.com#@127.0.0.1/",
        "https://hooks.example.com/#",
        "https://hooks.exa mple.com/",
        " https://hooks.example.com/",
        "https://hooks.example.com/ ",
        "https://hooks.example.com/\r\nX-Evil: 1",
        "https://hooks.example.com/\t",
        "https://hooks.exam\nple.com/",
        "https://hooks.example.com/\x00",
        "https://hooks.example.com/\x7f",
        "https://hooks.example.com/\u202egpj",
        "https://hooks.exam\u00adple.com/",
        "https://hooks.exam\u200bple.com/",
        "https://hooks.example.com/\u2028",
        "https://hooks.example.com/é",
        "https://hooks.example.com/?é",
        "https://hooks.example.com/\ud800",
        "https://\ud800.example.com/",
    ],
    "a port": [
        "https://hooks.example.com:0/",
        "https://hooks.example.com:1/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:25/",
        "https://hooks.example.com:444/",
        "https://hooks.example.com:1023/",
        "https://hooks.example.com:2375/",
        "https://hooks.example.com:6379/",
        "https://hooks.example.com:7233/",
        "https://hooks.example.com:11211/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:-1/",
        "https://hooks.example.com:+443/",
        "https://hooks.example.com:0x1bb/",
        "https://hooks.example.com:\uff14\uff14\uff13/",
        "https://hooks.example.com:/",
        "https://hooks.example.com:443:443/",
        "https://[2606:4700::1111]:22/",
    ],
    "not a name of the DNS": [
        "https://a..example.com/",
        "https://.example.com/",
        "https://hooks.example.com./",
        "https://hooks.example.com。/",
        "https://-a.example.com/",
        "https://a-.example.com/",
        "https://a_b.example.com/",
        "https://*.example.com/",
        "https://a,b.example.com/",
        "https://ex%61mple.com/",
        "https://hooks.example.com%2f/",
        "https://xn--/",
        "https://xn--a.example/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 130}example.com/",
        "https://exаmple.com/",  # noqa: RUF001 - the disguise is the point
        "https://☃.example/",
    ],
}


@pytest.mark.parametrize(("url", "normal"), ALLOWED.items())
def test_allowed(url, normal):
    """A public destination is taken, in the one way that it is written."""
    assert PUBLIC.check_url(url) == normal


@pytest.mark.parametrize(
    "url", [pytest.param(url, id=f"{why}-{url!a}") for why, urls in REFUSED.items() for url in urls]
)
def test_refused(url):
    """What is not a public https destination is refused with ValueError, in a sentence."""
    with pytest.raises(ValueError, match=r"^(the|port) ") as caught:
        PUBLIC.check_url(url)
    assert not isinstance(caught.value, UnicodeError)


def test_length():
    """A URL has at most 2,048 characters."""
    longest = "https://hooks.example.com/".ljust(MAX_URL_LENGTH, "a")
    assert MAX_URL_LENGTH == 2048
    assert PUBLIC.check_url(longest) == longest
    with pytest.raises(ValueError, match="2048"):
        PUBLIC.check_url(longest + "a")


PIECES = (
    *(
        "a",
        "example",
        "com",
        "1",
        "127",
        "0x7f",
        "::1",
        "2606:4700",
        "xn--",
        "bücher",
        "é",
        "LOCAL",
    ),
    *(".", ".", ".", "。", ":", ":", "443", "[", "]", "@", "%", "-", "/", "?", "localhost"),
)
HOSTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)


@given(host=st.text(max_size=30) | HOSTS)
def test_total_and_stable(host):
    """Any text is refused with ValueError or taken, and what was taken once is taken again."""
    try:
        taken = PUBLIC.check_url(f"https://{host}/")
    except ValueError:
        return
    assert PUBLIC.check_url(taken) == taken
    assert taken.isascii()


OPENED = DestinationPolicy(allow_http=True, allow_networks=parse_networks(["127.0.0.0/8", "::1"]))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/",
        "http://receiver/",
        "http://receiver.internal/",
        "http://127.0.0.1:9000/",
        "https://127.9.9.9/",
        "http://[::1]:9000/",
        "http://hooks.example.com/",
    ],
)
def test_an_operator_opens_networks(url):
    """With networks opened, internal names and those networks' addresses may be used."""
    assert OPENED.check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://[::ffff:127.0.0.1]/",
        "http://127.1/",
        "http://metadata.google.internal/",
        "http://localhost:6379/",
        "http://user@localhost/",
        "ftp://localhost/",
    ],
)
def test_what_opening_does_not_open(url):
    """Opening a network opens no other, no disguise, no metadata service and no forbidden port."""
    with pytest.raises(ValueError, match=r"^(the|port) "):
        OPENED.check_url(url)


def test_plain_http_alone():
    """Allowing plain http allows it to public destinations only."""
    policy = DestinationPolicy(allow_http=True)
    assert policy.check_url("http://hooks.example.com/") == "http://hooks.example.com/"
    with pytest.raises(ValueError, match="internal name"):
        policy.check_url("http://localhost/")
    with pytest.raises(ValueError, match="address"):
        policy.check_url("http://127.0.0.1/")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "localhost", "", "fe80::/129"])
def test_networks_that_are_none(text):
    """What is no network is refused, and never opens more than was meant."""
    with pytest.raises(ValueError, match=r"."):
        parse_networks([text])
