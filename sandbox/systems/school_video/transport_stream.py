"""MPEG transport streams (ISO/IEC 13818-1) of one H.264 programme, whole segments at a time."""

from sandbox.systems.school_video.picture import frame

SEGMENT_S, FRAMES_A_SECOND = 2, 2
_CLOCK_HZ = 90_000
_PMT_PID, _VIDEO_PID, _H264 = 0x1000, 0x100, 0x1B
_ROOM, _WRAP = 184, 1 << 33


def segment(number: int) -> bytes:
    """Segment `number` of a stream without a beginning; counters go on from the one before."""
    pictures = [
        _pes(frame(number * SEGMENT_S * FRAMES_A_SECOND + n), _time(number, n))
        for n in range(SEGMENT_S * FRAMES_A_SECOND)
    ]
    counter = number * sum(-(-(len(pes) + 8) // _ROOM) for pes in pictures)
    packets = [_table(0, _pat(), number), _table(_PMT_PID, _pmt(), number)]
    for n, pes in enumerate(pictures):
        for packet in _packets(pes, _time(number, n), counter):
            packets.append(packet)
            counter += 1
    return b"".join(packets)


def _time(number: int, n: int) -> int:
    return (number * SEGMENT_S * _CLOCK_HZ + n * _CLOCK_HZ // FRAMES_A_SECOND) % _WRAP


def _pes(access_unit: bytes, pts: int) -> bytes:
    stamp = bytes([
        0x21 | (pts >> 29 & 0x0E), pts >> 22 & 0xFF, 0x01 | (pts >> 14 & 0xFE),
        pts >> 7 & 0xFF, 0x01 | (pts << 1 & 0xFE),
    ])  # fmt: skip
    return b"\x00\x00\x01\xe0\x00\x00\x84\x80\x05" + stamp + access_unit


def _packets(pes: bytes, pcr: int, counter: int) -> list[bytes]:
    """A picture in packets: the clock in the first one, stuffing in the last."""
    base = pcr << 15 | 0x7E00  # 33 bits of base, six reserved, no extension
    extra = b"\x50" + base.to_bytes(6)  # a picture that stands alone, with a clock
    packets: list[bytes] = []
    rest, is_first = pes, True
    while rest:
        room = _ROOM - (1 + len(extra) if extra else 0)
        payload, rest = rest[:room], rest[room:]
        field = _adaptation(extra, _ROOM - len(payload))
        packets.append(_packet(_VIDEO_PID, counter + len(packets), field, payload, is_first))
        extra, is_first = b"", False
    return packets


def _adaptation(extra: bytes, size: int) -> bytes:
    """An adaptation field of so many bytes, the one that tells its length included."""
    if size == 0:
        return b""
    body = (extra or b"\x00")[: size - 1]
    return bytes([size - 1]) + body + b"\xff" * (size - 1 - len(body))


def _packet(pid: int, counter: int, field: bytes, payload: bytes, is_first: bool) -> bytes:
    head = bytes([
        0x47, (0x40 if is_first else 0) | pid >> 8, pid & 0xFF,
        (0x30 if field else 0x10) | counter % 16,
    ])  # fmt: skip
    return head + field + payload


def _table(pid: int, section: bytes, counter: int) -> bytes:
    payload = b"\x00" + section + _crc(section)
    return _packet(pid, counter, b"", payload + b"\xff" * (_ROOM - len(payload)), True)


def _pat() -> bytes:
    return b"\x00\xb0\x0d\x00\x01\xc1\x00\x00\x00\x01" + (0xE000 | _PMT_PID).to_bytes(2)


def _pmt() -> bytes:
    video = (0xE000 | _VIDEO_PID).to_bytes(2)
    head = b"\x02\xb0\x12\x00\x01\xc1\x00\x00"
    return head + video + b"\xf0\x00" + bytes([_H264]) + video + b"\xf0\x00"


def _crc(section: bytes) -> bytes:
    """CRC-32 as MPEG has it: not reflected, begun with ones (annex A)."""
    value = 0xFFFFFFFF
    for byte in section:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value.to_bytes(4)
