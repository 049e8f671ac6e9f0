"""The words of recoveries."""

from core.texts import Named, Text

NOTHING_TO_RECOVER = Text(
    "NOTHING_TO_RECOVER",
    "该身份证号码没有已实名的账户",
    "No account holds this ID number",
)
RECOVERY_TITLE = Text("RECOVERY_TITLE", "账户找回", "An account is being recovered")
RECOVERY_MESSAGE = Text(
    "RECOVERY_BEGUN",
    "【{app}】有人在服务窗口办理了您账户的找回,{days} 天后账户将换绑到新手机。如非本人办理,"
    "请立即联系政务热线。",
    "[{app}] Your account is being recovered at a counter: in {days} days it moves to another "
    "phone. If that was not you, call the city's hotline at once.",
)
RECOVERY_STOPPED_MESSAGE = Text(
    "RECOVERY_STOPPED",
    "【{app}】您申请换绑到此手机的账户未能换绑:{reason}。如账户不在您手中,请携带证件到服务窗口。",
    "[{app}] The account that was to move to this phone does not: {reason}. If you do not have it, "
    "please come to a counter with your card.",
)
STOPPED_BY_PROOF = Named(
    "其所有人已通过其他方式找回", "its owner has got it back in another way meanwhile"
)
STOPPED_BY_PHONE = Named(
    "此手机号码已绑定其他实名账户", "this phone belongs to another verified account"
)
STOPPED_FOR_NOBODY = Named(
    "该证件号码已没有账户", "no account holds the number of the card any more"
)
STOPPED_AT_COUNTER = Named("服务窗口已停止办理", "it was stopped at a counter")
RECOVERY_WITHDRAWN_MESSAGE = Text(
    "RECOVERY_WITHDRAWN",
    "【{app}】在服务窗口办理的账户找回已停止,账户维持不变。如有疑问,请携带证件到服务窗口。",
    "[{app}] The recovery of an account that was begun at a counter has been stopped: the account "
    "stays as it is. With questions please come to a counter with your card.",
)
RECOVERY_MISMATCH = Text(
    "RECOVERY_MISMATCH",
    "姓名、证件号码或手机号与先前登记的不一致,请核对",
    "Name, number or phone are not those that were entered before: please compare them",
)
