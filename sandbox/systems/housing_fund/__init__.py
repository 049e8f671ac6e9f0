"""The housing fund centre: accounts, and withdrawals from them."""

from sandbox.server.system import Operation, System
from sandbox.shared.documents import HOUSING_FUND
from sandbox.shared.registry import not_found, record_operation
from sandbox.systems.housing_fund import withdrawals
from sandbox.systems.housing_fund.accounts import account

_ABSENT = not_found("NO_ACCOUNT", "该人员没有住房公积金账户 / no housing fund account")

SYSTEMS = (
    System(
        name="housing_fund",
        title_zh="住房公积金中心",
        title_en="Housing fund centre",
        operations=(
            record_operation(
                "query_account", "/housing-fund/accounts/query", account, _ABSENT, HOUSING_FUND
            ),
            record_operation(
                "query_withdrawals",
                "/housing-fund/withdrawals/query",
                withdrawals.record,
                _ABSENT,
                HOUSING_FUND,
            ),
            Operation("pay_withdrawal", "POST", "/housing-fund/withdrawals", withdrawals.pay),
        ),
        schema=withdrawals.SCHEMA,
    ),
)
