"""The words of identity."""

from core.texts import Text

PHONE_INVALID = Text("PHONE_INVALID", "请输入有效的手机号码", "Please enter a valid mobile number")
CODE_COOLDOWN = Text(
    "CODE_COOLDOWN",
    "验证码已发送,请在 {retry_after_s} 秒后再试",
    "A code was just sent, try again in {retry_after_s} seconds",
)
TOO_MANY_CODES = Text(
    "TOO_MANY_CODES",
    "验证码请求过于频繁,请在 {retry_after_s} 秒后再试",
    "Too many codes were asked for, try again in {retry_after_s} seconds",
)
CODE_WRONG = Text("CODE_WRONG", "验证码错误", "This code is wrong")
CODE_EXPIRED = Text(
    "CODE_EXPIRED", "验证码已过期,请重新获取", "This code has expired, please ask for a new one"
)
LOCKED = Text(
    "LOCKED",
    "尝试次数过多,请在 {retry_after_s} 秒后再试",
    "Too many attempts, try again in {retry_after_s} seconds",
)
DEVICE_INVALID = Text(
    "DEVICE_INVALID", "设备标识无效", "A device id is 8 to 64 visible ASCII characters"
)
REAL_NAME_INVALID = Text(
    "REAL_NAME_INVALID", "请输入身份证上的姓名", "Please enter the name on your ID card"
)
RESIDENT_ID_INVALID = Text(
    "RESIDENT_ID_INVALID", "身份证号码有误", "This is not a valid resident ID number"
)
REAL_NAME_MISMATCH = Text(
    "REAL_NAME_MISMATCH",
    "姓名与身份证号码不一致",
    "Name and ID number do not belong together",
)
ALREADY_VERIFIED = Text(
    "ALREADY_VERIFIED",
    "本账户已完成实名认证",
    "This account already carries a verified name",
)
ID_IN_USE = Text(
    "ID_IN_USE",
    "该身份证号码已绑定其他账户",
    "This ID number belongs to another account",
)
POLICE = "公安实名核验 / identity registry"
CODE_MESSAGE = Text(
    "LOGIN_CODE",
    "【{app}】验证码 {code},{minutes} 分钟内有效。请勿告诉他人。",
    "[{app}] Your code is {code}, valid for {minutes} minutes. Tell nobody.",
)
REAL_NAME_CONSENT = Text(
    "REAL_NAME_CONSENT",
    "为核验您的身份,将您的姓名和身份证号码提交公安部门比对。",
    "To verify who you are, your name and ID number are compared with the police registry.",
)
