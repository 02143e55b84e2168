"""librdkafka's mock cluster as an object: made, given topics, and taken off the network and put back.

`confluent_kafka` offers the cluster by a setting of a client (`test.mock.num.brokers`), with four partitions in every
topic and three seconds before a consumer group's first member gets any. The library inside it can do better, so this
asks the library itself: rdkafka_mock.h in https://github.com/confluentinc/librdkafka. That interface is called
experimental there, which is why requirements-dev.txt pins the version.
"""

import ctypes
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import cimpl

_PRODUCER = 0
_ALL_BROKERS = -1
_REPLICATION_FACTOR = 1
_ERROR_TEXT_BYTES = 512


class MockCluster:
    """One broker with the given topics while the `with` block lasts; its threads are the library's own.

    `topics` has the number of partitions by the topic's name.
    """

    def __init__(self, topics: Mapping[str, int]) -> None:
        self._topics = topics
        self._library = _library()

    def __enter__(self) -> Self:
        error = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
        configuration = self._library.rd_kafka_conf_new()
        # Without brokers of its own, of which this client is warned for nothing: it only owns the cluster.
        self._set(configuration, "log_level", "0")
        self._client = self._library.rd_kafka_new(_PRODUCER, configuration, error, _ERROR_TEXT_BYTES)
        if not self._client:
            raise OSError(f"librdkafka makes no client: {error.value.decode()}.")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        if not self._cluster:
            raise OSError("librdkafka makes no mock cluster: can this machine listen on 127.0.0.1?")
        # A group's first member is not kept waiting for others, which a real broker is told to do in production.
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        for name, partitions in self._topics.items():
            self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, _REPLICATION_FACTOR)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    @property
    def bootstrap_servers(self) -> str:
        """Where clients begin, as `127.0.0.1:port`; the library takes a free port."""
        bootstraps: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return bootstraps.decode()

    def go_away(self) -> None:
        """Cut all connections and take no new ones; what is stored stays."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, _ALL_BROKERS)

    def come_back(self) -> None:
        """Take connections again."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, _ALL_BROKERS)

    def _set(self, configuration: int, name: str, value: str) -> None:
        error = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
        self._library.rd_kafka_conf_set(configuration, name.encode(), value.encode(), error, _ERROR_TEXT_BYTES)


def _library() -> ctypes.CDLL:
    """The librdkafka that `confluent_kafka` has loaded: names are looked up in what its extension module needs."""
    library = ctypes.CDLL(cimpl.__file__)
    handle, text, number, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
    signatures = {
        "rd_kafka_conf_new": (handle, []),
        "rd_kafka_conf_set": (number, [handle, text, text, text, size]),
        "rd_kafka_new": (handle, [number, handle, text, size]),
        "rd_kafka_destroy": (None, [handle]),
        "rd_kafka_mock_cluster_new": (handle, [handle, number]),
        "rd_kafka_mock_cluster_destroy": (None, [handle]),
        "rd_kafka_mock_cluster_bootstraps": (text, [handle]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [handle, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [handle, text, number, number]),
        "rd_kafka_mock_broker_set_down": (number, [handle, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (number, [handle, ctypes.c_int32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
