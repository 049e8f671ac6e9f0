"""The words of what the five insurances have in common."""

from core.texts import Named

STATEMENT = Named("社会保险个人权益记录单", "Yearly statement of social insurance")
NOTE = Named(
    "本单由经办机构记录的查询结果生成并经电子签名,内容以经办机构的记录为准。",
    "Made from what the insurance has on record and signed; the record itself is what counts.",
)
