"""The fields of a protobuf message, still encoded: so a large one is decoded part by part."""

from collections.abc import Iterator

from core.standards.gtfs.faults import FeedError

_LENGTH_DELIMITED = 2


def split_message(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message, by number, still encoded. Raises FeedError for what is none."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        if tag & 7 != _LENGTH_DELIMITED:
            raise FeedError("invalid_protobuf", "no message of a feed")
        length, place = _varint(data, place)
        if place + length > len(data):
            raise FeedError("invalid_protobuf", "it is cut off")
        yield tag >> 3, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise FeedError("invalid_protobuf", "it is cut off")
