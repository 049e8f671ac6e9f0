"""What people are told of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class News:
    """Something new in a district. Who was told of its number is not told again."""

    news_no: str
    district_code: str
    title_zh: str
    title_en: str
