"""The services of community that run on the workflow engine, as their contract suite fills them."""

from tests.kinds.application.driver import Sample

SAMPLES = [
    Sample(
        "hotline-12345",
        answers={
            "subject": "路灯不亮",
            "content": "文化东路 88 号门前的路灯三天不亮了。",
            "place": "历下区文化东路 88 号",
            "occurred_on": "2026-11-20",
            "phone": "13900000000",
            "confidential": "true",
        },
        category="COMPLAINT",
        missing=("subject", "content", "phone"),
    ),
    Sample(
        "snap-report",
        item="manhole",
        answers={"description": "人行道上的井盖不见了。", "fault": "missing"},
        missing=("fault",),
    ),
]
