"""What people read of the hospitals and clinics that give numbers."""

from core.texts import Text

HOSPITALS = "医院 / hospital"
HOSPITAL_REFUSED = Text(
    "HOSPITAL_REFUSED", "医院未接受此次预约", "The hospital did not accept this booking"
)
HOSPITAL_UNAVAILABLE = Text(
    "HOSPITAL_UNAVAILABLE",
    "医院系统暂时无法访问,未占用号源,请稍后再试",
    "The hospital cannot be reached right now, nothing was booked, please try again later",
)
AWAITS_HOSPITAL = Text(
    "AWAITS_HOSPITAL", "正在等待医院确认", "The hospital has still to confirm this booking"
)
