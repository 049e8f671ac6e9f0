"""A small moving picture as H.264 (ITU-T H.264, Baseline): every frame whole, every block raw.

I_PCM macroblocks need no encoder. A bright bar goes over a grey field, so that one sees it move.
"""

WIDTH_MBS, HEIGHT_MBS = 8, 6
"""128 by 96 pixels."""
_GREY, _BRIGHT, _NEUTRAL = 60, 200, 128
_I_SLICE, _I_PCM = 7, 25


class _Bits:
    """Bits, the most significant first (H.264, 7.2 and 9.1)."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def u(self, value: int, length: int) -> "_Bits":
        """An unsigned number of so many bits."""
        self._bits.append(f"{value:0{length}b}")
        return self

    def ue(self, *values: int) -> "_Bits":
        """Exp-Golomb codes. A signed 0 has the same code as an unsigned one."""
        for value in values:
            code = f"{value + 1:b}"
            self._bits.append("0" * (len(code) - 1) + code)
        return self

    def align(self) -> "_Bits":
        """Zeros up to the next byte."""
        length = sum(map(len, self._bits))
        self._bits.append("0" * (-length % 8))
        return self

    def raw(self, data: bytes) -> "_Bits":
        """Whole bytes."""
        self._bits.append("".join(f"{byte:08b}" for byte in data))
        return self

    def end(self) -> bytes:
        """The bytes, with the stop bit."""
        text = "".join(self.u(1, 1).align()._bits)
        return int(text, 2).to_bytes(len(text) // 8)


def _nal(header: int, payload: bytes) -> bytes:
    """A NAL unit behind its start code; 00 00 0x in it gets an 03 between (7.4.1)."""
    escaped, zeros = bytearray([header]), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\x00\x00\x00\x01" + bytes(escaped)


def _parameters() -> bytes:
    sequence = (
        _Bits()
        .raw(bytes([66, 0xC0, 10]))  # Baseline, level 1
        .ue(0, 0, 2, 0)  # id, frame numbers of four bits, order of decoding, no references
        .u(0, 1)
        .ue(WIDTH_MBS - 1, HEIGHT_MBS - 1)
        .u(0b1000, 4)  # frames only; no cropping, no VUI
    )
    picture = _Bits().ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0).u(0, 3)
    return _nal(0x67, sequence.end()) + _nal(0x68, picture.end())


_START = _nal(0x09, b"\xf0") + _parameters()


def frame(number: int) -> bytes:
    """The access unit of a frame; it needs no other."""
    bits = _Bits().ue(0, _I_SLICE, 0).u(0, 4).ue(number % 2).u(0, 2).ue(0)
    chroma = bytes([_NEUTRAL]) * 128
    for block in range(WIDTH_MBS * HEIGHT_MBS):
        luma = _BRIGHT if block % WIDTH_MBS == number % WIDTH_MBS else _GREY
        bits.ue(_I_PCM).align().raw(bytes([luma]) * 256 + chroma)
    return _START + _nal(0x65, bits.end())
