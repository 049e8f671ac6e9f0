"""The code lists by which the interfaces of public offices name the kind of an identity document.

Each office's systems have a list of their own. A resident ID, a residence permit of somebody from
Hong Kong, Macao or Taiwan and a foreigner's residence card since 2023 have numbers of one form and
go by the code of the first. Where a list has no code for a document that the office takes, its code
for "other" stands there.
"""

from dataclasses import replace

from core.id_documents import DocumentCodes

HEALTH = DocumentCodes(
    resident_id="01",
    foreign_resident="99",
    hong_kong="06",
    macao="06",
    taiwan="07",
    birth_certificate="99",
)
"""CV02.01.101 身份证件类别代码 of WS 364.3, the value domains of health information. 99: another
legal document, which a newborn's certificate of birth is."""

MOTHERS = replace(HEALTH, birth_certificate="")
"""The same of mothers, whom the register of births names by their document: no newborn is one."""

INSURANCE = DocumentCodes(
    resident_id="01", foreign_resident="07", hong_kong="04", macao="05", taiwan="06"
)
"""证件类型 of the social insurance core systems (AAC058), which is 人员证件类型 (psn_cert_type) of
the national medical insurance platform too. It has no code for a newborn's certificate."""

HOUSING_FUND = DocumentCodes(
    resident_id="01", foreign_resident="04", hong_kong="99", macao="99", taiwan="99"
)
"""证件类型 of the basic data of housing funds (JGJ/T 320-2014). 99: another; people from Hong Kong,
Macao and Taiwan pay in since 建金〔2017〕237号. Nobody does who was just born."""

TRAFFIC = DocumentCodes(resident_id="A", foreign_resident="I", hong_kong="F", macao="F", taiwan="F")
"""身份证明名称 of the traffic police, for owners of vehicles and for drivers. F: of somebody from
beyond the border, which the travel permits are. No newborn has a car."""

REAL_ESTATE = DocumentCodes(
    resident_id="1", foreign_resident="99", hong_kong="2", macao="2", taiwan="2"
)
"""证件种类 of the real-estate registration database. 2: of somebody from Hong Kong, Macao or
Taiwan; 99: another. It has no code for a newborn's certificate."""

PUBLIC_SECURITY = DocumentCodes(
    resident_id="111", foreign_resident="553", hong_kong="516", macao="516", taiwan="511"
)
"""GA/T 517-2004, codes of usual documents, by which e-licences name their holders. A newborn
without a number has no wallet of them."""

EDUCATION = DocumentCodes(
    resident_id="1", foreign_resident="9", hong_kong="6", macao="7", taiwan="8"
)
"""SFZJLX 身份证件类型 of the basic codes of education (JY/T 1001-2012), by which pupils are known.
6 and 7: of somebody from Hong Kong, from Macao. Nobody goes to school by a birth certificate."""
