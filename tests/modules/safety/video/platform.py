"""The video platform in memory: two cameras that are permitted, one that is not."""

from core.upstream.records import Records
from modules.safety.video.upstream import CameraRecord
from tests.fakes import Silence

MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8?session=1\n"
MEDIA = (
    b'#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="init.mp4"\n'
    b'#EXT-X-KEY:METHOD=AES-128,URI="key.bin"\n#EXTINF:4,\nseg1.m4s\n#EXTINF:4,\nseg2.m4s\n'
)


class FakePlatform(Silence):
    """A platform whose every stream is the same."""

    name = "school_video"

    def __init__(self) -> None:
        super().__init__()
        self.permitted = {"gate": True, "yard": True, "hall": True, "classroom": False}
        self.hours = ("07:00", "18:00")
        self.files = {"index.m3u8": MASTER, "main.m3u8": MEDIA}
        self.fetched: list[str] = []

    async def list_records(self, school_code: str) -> Records[CameraRecord]:
        """See modules.safety.video.upstream."""
        self.answer("list_records")
        return Records(
            [
                CameraRecord(f"{school_code}-{name}", school_code, name, name, *self.hours,
                             every_day=False, permitted=permitted)
                for name, permitted in self.permitted.items()
            ]
        )  # fmt: skip

    async def fetch_file(self, camera_ref: str, path: str) -> bytes:
        """See modules.safety.video.upstream."""
        self.answer("fetch_file")
        self.fetched.append(path)
        return self.files.get(path, f"{camera_ref}:{path}".encode())
