"""What is booked without choosing a doctor: examinations, follow-up visits, vaccinations."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """A service with a calendar of its own; `preparation` is what the patient does beforehand."""

    service_id: str
    name_zh: str
    name_en: str
    category: str
    fee_fen: int
    preparation_zh: str
    preparation_en: str


CATEGORIES = {
    "outpatient": ("门诊", "Outpatient"),
    "examination": ("检查检验", "Examination"),
    "follow-up": ("复诊", "Follow-up"),
    "vaccination": ("预防接种", "Vaccination"),
}
"""Codes of HealthcareService.category with their Chinese and English names."""

EXAMINATION_ROOMS = (
    Room("x00", "胸部CT", "Chest CT", "examination", 28_000,
         "检查前取下胸部金属饰物;孕妇请告知医生。",
         "Take off metal worn on the chest; tell the doctor if you are pregnant."),
    Room("x01", "磁共振", "MRI", "examination", 52_000,
         "禁止携带金属物品;装有心脏起搏器者禁做。",
         "No metal at all; not possible with a cardiac pacemaker."),
    Room("x02", "腹部彩超", "Abdominal ultrasound", "examination", 16_000,
         "检查前空腹 8 小时。", "Do not eat for eight hours before."),
    Room("x03", "无痛胃镜", "Gastroscopy under sedation", "examination", 68_000,
         "前一日 20:00 后禁食,检查前 4 小时禁水;须有家属陪同,当日勿驾车。",
         "No food after 20:00 the day before, no water for four hours; come with somebody, "
         "do not drive that day."),
    Room("x04", "空腹抽血化验", "Fasting blood tests", "examination", 9_800,
         "空腹 8 至 12 小时,可少量饮水。", "Do not eat for eight to twelve hours; water is fine."),
    Room("x05", "专科复诊", "Follow-up visit", "follow-up", 1_000,
         "请携带上次病历、检查报告和正在服用的药品清单。",
         "Bring the last record, reports and a list of your medicines."),
)  # fmt: skip

VACCINATION_ROOMS = (
    Room("x00", "儿童预防接种", "Childhood vaccination", "vaccination", 0,
         "请携带预防接种证;发热或急性病期间请改约。接种后留观 30 分钟。",
         "Bring the vaccination booklet; postpone when ill. Stay for 30 minutes after."),
    Room("x01", "成人预防接种", "Adult vaccination", "vaccination", 0,
         "请携带身份证;接种后留观 30 分钟。", "Bring your ID card. Stay for 30 minutes after."),
)  # fmt: skip
