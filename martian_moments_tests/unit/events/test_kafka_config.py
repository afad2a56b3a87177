from __future__ import annotations

import socket
import socketserver
import threading

import pytest

from martian_moments.domain.errors import EventLogError, EventLogUnavailable, SettingsError
from martian_moments.events import kafka
from martian_moments.events.kafka_config import KafkaAddress, KafkaOptions
from martian_moments.events.log import UPLOADS
from martian_moments.events.open import open_log


@pytest.mark.parametrize(
    ("url", "brokers", "topic"),
    [
        ("kafka://one:9092", "one:9092", "minio-events"),
        ("kafka://one:9092/", "one:9092", "minio-events"),
        ("kafka://one:9092,10.0.0.2:19092/mars", "one:9092,10.0.0.2:19092", "mars.minio-events"),
        ("kafka://[::1]:9092/team_a.mars", "[::1]:9092", "team_a.mars.minio-events"),
    ],
)
def test_an_address_names_brokers_and_a_prefix_of_the_topics(url: str, brokers: str, topic: str) -> None:
    address = KafkaAddress.parse(url)
    assert (address.brokers, address.topic(UPLOADS)) == (brokers, topic)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("kafka://", "'nothing' is not host:port"),
        ("kafka://one", "'one' is not host:port"),
        ("kafka://:9092", "':9092' is not host:port"),
        ("kafka://one:9092,", "'nothing' is not host:port"),
        ("kafka://one:9092,two", "'two' is not host:port"),
        ("kafka://one:0", "'one:0' is not host:port"),
        ("kafka://one:65536", "'one:65536' is not host:port"),
        ("kafka://one:kafka", "'one:kafka' is not host:port"),
        ("kafka://one:9092/a/b", "the prefix 'a/b'"),
        ("kafka://one:9092/m%20s", "the prefix 'm%20s'"),
        ("kafka://one:9092/mars?acks=1", "it ends in a query"),
    ],
)
def test_what_is_no_address_is_refused_with_what_is_wrong_and_an_example(url: str, problem: str) -> None:
    with pytest.raises(EventLogError) as raised:
        open_log(url)
    assert problem in str(raised.value)
    assert "kafka://host:port,host:port[/prefix]" in str(raised.value)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(EventLogError, match="MARS_KAFKA_SASL_PASSWORD") as raised:
        open_log("kafka://mars:very-secret@one:9092")
    assert "very-secret" not in str(raised.value)


@pytest.mark.parametrize("option", ["group.id", "acks", "bootstrap.servers", "auto.offset.reset", "partitioner"])
def test_an_option_that_the_log_rests_on_cannot_be_set(option: str) -> None:
    with pytest.raises(SettingsError, match=f"^MARS_KAFKA_{option.upper().replace('.', '_')} cannot be set"):
        open_log("kafka://one:9092", {option: "1"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"no.such.option": "very-secret"}, "^MARS_KAFKA_NO_SUCH_OPTION: there is no such option"),
        ({"security.protocol": "very-secret"}, "^MARS_KAFKA_SECURITY_PROTOCOL: its value is not accepted"),
        (
            {"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "sasl.password": "very-secret"},
            r"^MARS_KAFKA_\*: .*sasl.username and sasl.password must be set",
        ),
        ({"security.protocol": "ssl", "ssl.key.pem": "very-secret"}, r"^MARS_KAFKA_\*: .*ssl.key.pem"),
    ],
)
def test_wrong_options_are_one_line_that_names_the_variable_and_no_secret(options: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        open_log("kafka://127.0.0.1:1", options).watermarks(UPLOADS)
    assert "\n" not in str(raised.value)
    assert "very-secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_options_of_the_settings_reach_every_client() -> None:
    options = KafkaOptions("one:9092", {"security.protocol": "sasl_ssl", "reconnect.backoff.max.ms": "9000"})
    for client in (options.consumer(), options.producer(), options.admin()):
        assert client["bootstrap.servers"] == "one:9092"
        assert client["security.protocol"] == "sasl_ssl"
        assert client["reconnect.backoff.max.ms"] == "9000"


def test_secrets_are_taken_out_of_what_is_reported() -> None:
    secrets = {"sasl.password": "pw-1", "ssl.key.pem": "pem-2", "sasl.oauthbearer.client.secret": "s-3"}
    options = KafkaOptions("one:9092", {**secrets, "client.id": "c"})
    assert options.redacted("c failed with pw-1, pem-2 and s-3") == "c failed with ***, *** and ***"


class Plaintext(socketserver.BaseRequestHandler):
    """Responds to whatever it is sent in a way that is no TLS."""

    def handle(self) -> None:
        self.request.recv(1_024)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.request.recv(1_024)  # until the client hangs up


def test_a_connection_that_no_waiting_mends_is_not_taken_for_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_RESPONSE_SECONDS", 1.0)
    with socketserver.TCPServer(("127.0.0.1", 0), Plaintext) as plaintext:
        threading.Thread(target=plaintext.serve_forever, daemon=True).start()
        log = open_log(f"kafka://127.0.0.1:{plaintext.server_address[1]}", {"security.protocol": "ssl"})
        with pytest.raises(EventLogError, match="SSL handshake failed") as raised:
            log.watermarks(UPLOADS)
        plaintext.shutdown()
    assert not isinstance(raised.value, EventLogUnavailable)
    log.close()


def test_an_address_where_nobody_listens_is_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_RESPONSE_SECONDS", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        broker = f"127.0.0.1:{taken.getsockname()[1]}"
        log = open_log(f"kafka://{broker}")
        for call in (lambda: log.watermarks(UPLOADS), lambda: log.read(UPLOADS, {}, limit=1), log.ensure):
            with pytest.raises(EventLogUnavailable, match=rf"{broker}.*Connection refused.*MARS_EVENTS_URL"):
                call()
        log.close()
