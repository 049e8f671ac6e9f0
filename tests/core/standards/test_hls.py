"""HLS playlists: every address in them is replaced, whichever tag it stands in (RFC 8216, 4.3)."""

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.standards.hls import PlaylistError, is_path, rewrite

MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="audio/index.m3u8?session=1",DEFAULT=YES
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="key.bin",IV=0x00
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframes.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS="avc1.42c00a,mp4a.40.2",AUDIO="a"
low/index.m3u8?session=1
#EXT-X-STREAM-INF:BANDWIDTH=900000
high/index.m3u8
"""
MEDIA = """#EXTM3U\r
#EXT-X-TARGETDURATION:4\r
#EXT-X-MAP:URI="init.mp4",BYTERANGE="100@0"\r
#EXT-X-KEY:METHOD=AES-128,URI="../key.bin"\r
#EXTINF:4.0,a title with URI="not-an-address\r
seg1.m4s\r
# a remark: seg9.m4s\r
\r
#EXT-X-PART:DURATION=1.0,URI="part2.1.mp4"\r
#EXTINF:4.0,\r
sub/seg2.m4s\r
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part3.1.mp4"\r
#EXT-X-RENDITION-REPORT:URI="../high/index.m3u8",LAST-MSN=2\r
"""


def _paths(playlist: str, path: str) -> list[str]:
    found: list[str] = []

    def note(each: str) -> str:
        found.append(each)
        return f"/signed/{each}"

    written = rewrite(playlist, path, note)
    assert written.count("/signed/") == len(found)
    return found


def test_every_address_is_replaced_relative_to_its_playlist() -> None:
    assert _paths(MASTER, "index.m3u8") == [
        "audio/index.m3u8", "key.bin", "iframes.m3u8", "low/index.m3u8", "high/index.m3u8",
    ]  # fmt: skip
    assert _paths(MEDIA, "low/index.m3u8") == [
        "low/init.mp4", "key.bin", "low/seg1.m4s", "low/part2.1.mp4", "low/sub/seg2.m4s",
        "low/part3.1.mp4", "high/index.m3u8",
    ]  # fmt: skip


def test_another_reader_finds_signed_addresses_and_nothing_else() -> None:
    master = m3u8.loads(rewrite(MASTER, "index.m3u8", lambda path: f"/signed/{path}"))
    assert [one.uri for one in master.playlists] == [
        "/signed/low/index.m3u8", "/signed/high/index.m3u8",
    ]  # fmt: skip
    assert master.playlists[0].stream_info.codecs == "avc1.42c00a,mp4a.40.2"
    media = m3u8.loads(rewrite(MEDIA, "low/index.m3u8", lambda path: f"/signed/{path}"))
    named = [*(one.uri for one in media.segments), media.segment_map[0].uri, media.keys[0].uri]
    assert len(named) == 4 and all(uri.startswith("/signed/") for uri in named)


@pytest.mark.parametrize(
    "uri",
    [
        "http://elsewhere.invalid/seg.ts",
        "//elsewhere.invalid/seg.ts",
        "/etc/passwd",
        "../../up.ts",
        "data:text/plain;base64,AAAA",
        "seg%2e%2e.ts",
        "a b.ts",
        "?only=a-query",
    ],
)
def test_an_address_outside_the_folder_is_refused(uri: str) -> None:
    for line in (uri, f'#EXT-X-KEY:METHOD=AES-128,URI="{uri}"'):
        with pytest.raises(PlaylistError):
            rewrite(f"#EXTM3U\n{line}\n", "low/index.m3u8", str)


@pytest.mark.parametrize("text", ["", "seg1.ts\n", "<html>", "#EXTM3U8\n"])
def test_what_is_no_playlist_is_refused(text: str) -> None:
    with pytest.raises(PlaylistError):
        rewrite(text, "index.m3u8", str)


@given(st.text(max_size=40))
def test_a_path_never_leaves_its_folder(path: str) -> None:
    if is_path(path):
        assert not path.startswith("/") and ".." not in path.split("/") and path.isascii()
