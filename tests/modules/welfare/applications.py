"""The services of welfare that run on the workflow engine, as their contract suite fills them."""

from modules.welfare.withdrawal.definition import WITHDRAWAL, definition_of
from modules.welfare.withdrawal.domain import CLOSES_ACCOUNT, WithdrawalPurpose
from modules.welfare.withdrawal.lookup import PURPOSE, SERVICE
from tests.kinds.application.driver import Sample

CARD_NO = "6222020000000000000"
PERSON = {
    "name": "张三",
    "resident_id": "37010219900101001X",
    "phone": "13900000000",
    "card_no": CARD_NO,
}


def answers_for(purpose: WithdrawalPurpose) -> dict[str, str]:
    """A form filled in."""
    return PERSON if purpose in CLOSES_ACCOUNT else PERSON | {"amount": "3000"}


def _sample(purpose: WithdrawalPurpose) -> Sample:
    definition = definition_of(WITHDRAWAL.definition, purpose)
    papers = [paper.code for paper in definition.materials if paper.required]
    answers = answers_for(purpose)
    return Sample(
        SERVICE, answers, purpose, papers=papers, consent=PURPOSE, missing=(*answers, *papers)
    )


SAMPLES = [_sample(purpose) for purpose in (WithdrawalPurpose.RENT, WithdrawalPurpose.LEAVING)]
