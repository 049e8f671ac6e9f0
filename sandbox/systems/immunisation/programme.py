"""The national programme's doses by age (2021 schedule), and what a person has had of them."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.population.months import months_later
from sandbox.population.people import DemoPerson, Person
from sandbox.shared.births import Born

OVERDUE_AFTER = timedelta(days=31)
LOOK_AHEAD = timedelta(days=60)
CHILDHOOD_YEARS = 14
KEPT_TO_SCHEDULE_PROB = 0.94


@dataclass(frozen=True)
class Vaccine:
    """A vaccine of the programme and the months of age at which its doses are due."""

    code: str
    name_zh: str
    name_en: str
    disease_zh: str
    due_months: tuple[int, ...]


PROGRAMME = (
    Vaccine("HepB", "乙肝疫苗", "Hepatitis B vaccine", "乙型病毒性肝炎", (0, 1, 6)),
    Vaccine("BCG", "卡介苗", "BCG vaccine", "结核病", (0,)),
    Vaccine("IPV", "脊灰灭活疫苗", "Inactivated polio vaccine", "脊髓灰质炎", (2, 3)),
    Vaccine("bOPV", "脊灰减毒活疫苗", "Oral polio vaccine", "脊髓灰质炎", (4, 48)),
    Vaccine("DTaP", "百白破疫苗", "DTaP vaccine", "百日咳、白喉、破伤风", (3, 4, 5, 18)),
    Vaccine("DT", "白破疫苗", "DT vaccine", "白喉、破伤风", (72,)),
    Vaccine("MMR", "麻腮风疫苗", "MMR vaccine", "麻疹、流行性腮腺炎、风疹", (8, 18)),
    Vaccine("JE-L", "乙脑减毒活疫苗", "Japanese encephalitis vaccine", "流行性乙型脑炎", (8, 24)),
    Vaccine("MPSV-A", "A群流脑多糖疫苗", "Meningococcal A vaccine", "流行性脑脊髓膜炎", (6, 9)),
    Vaccine("MPSV-AC", "A群C群流脑多糖疫苗", "Meningococcal A+C vaccine",
            "流行性脑脊髓膜炎", (36, 72)),
    Vaccine("HepA-L", "甲肝减毒活疫苗", "Hepatitis A vaccine", "甲型病毒性肝炎", (18,)),
)  # fmt: skip


@dataclass(frozen=True)
class Dose:
    """One dose of the programme for one person."""

    vaccine: Vaccine
    number: int
    due_on: date


def doses_of(person: Person) -> list[Dose]:
    """All doses of the programme, by the day they are due."""
    doses = [
        Dose(vaccine, number, months_later(person.born_on, months))
        for vaccine in PROGRAMME
        for number, months in enumerate(vaccine.due_months, 1)
    ]
    return sorted(doses, key=lambda dose: (dose.due_on, dose.vaccine.code))


def given_on(seed: int, person: Person, dose: Dose, today: date) -> date | None:
    """When the dose was given according to the seed, or None. The demo child missed two."""
    if isinstance(person, Born):  # what was given since is written down
        return None
    draw = random.Random(f"{seed}:dose:{person.resident_id}:{dose.vaccine.code}:{dose.number}")
    day = dose.due_on + timedelta(days=draw.randint(0, 20))
    missed = draw.random() > KEPT_TO_SCHEDULE_PROB
    if isinstance(person, DemoPerson):
        missed = (dose.vaccine.code, dose.number) in (("DT", 1), ("MPSV-AC", 2))
    return None if missed or day > today else day
