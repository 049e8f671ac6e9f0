"""The words of springs and air."""

from core.texts import Text

CARD = Text("SPRINGS_AND_AIR", "泉水与空气", "Springs and air")
AIR_PICTURE = Text(
    "AIR_PICTURE",
    "{name}:近30天每小时空气质量指数,{low}至{high},缺{gaps}小时",
    "{name}: air quality index by the hour over 30 days, {low} to {high}, {gaps} hours missing",
)
SPRING_PICTURE = Text(
    "SPRING_PICTURE",
    "{name}:近30天地下水位,{low}至{high}米,缺{gaps}次",
    "{name}: level over 30 days, {low} to {high} m, {gaps} observations missing",
)
