"""The words of identity."""

from core.texts import Named, Text

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
CODE_UNDELIVERED = Text(
    "CODE_UNDELIVERED",
    "验证码尚未送达您的手机,请重新获取",
    "The code has not reached your phone, please ask for another one",
)
STAFF_REFUSED = Text(
    "STAFF_REFUSED",
    "手机验证码或动态口令有误",
    "The code from the phone or the authenticator is wrong",
)
GUARDIAN_REQUIRED = Text(
    "GUARDIAN_REQUIRED",
    "未满14周岁,请先由监护人在其账户中添加",
    "Below the age of 14 a guardian must add you in their account first",
)
NOT_A_MINOR = Text("NOT_A_MINOR", "该证件属于成年人", "This document is of an adult")
CERTIFICATE_INVALID = Text(
    "CERTIFICATE_INVALID",
    "出生医学证明编号应为1位字母加9位数字",
    "The number of a birth certificate is a letter and nine digits",
)
NOT_YOUR_NEWBORN = Text(
    "NOT_YOUR_NEWBORN",
    "未查到该出生医学证明,或证明上的父母不是您",
    "There is no such birth certificate with you as a parent",
)
CHILD_HAS_NUMBER = Text(
    "CHILD_HAS_NUMBER",
    "该出生医学证明已对应另一个身份证号码,请到服务窗口核对",
    "Another ID number belongs to this birth certificate; please have it checked at a counter",
)
BIRTH_DATE_NEEDED = Text(
    "BIRTH_DATE_NEEDED",
    "请填写与证件一致的出生日期",
    "Please give the birth date as it stands on the document",
)
NEWBORN_CONSENT = Text(
    "NEWBORN_CONSENT",
    "为登记尚无身份证号码的新生儿并确认您的监护关系,凭您的证件号码和出生医学证明编号向公安部门"
    "查询出生登记,取得孩子的姓名和出生日期。",
    "To register a newborn without an ID number and confirm that you are its parent, your document "
    "number and the number of the birth certificate are used to ask the police registry for the "
    "child's name and birth date.",
)
NOT_YOUR_CHILD = Text(
    "NOT_YOUR_CHILD",
    "户籍登记中未查到您与该未成年人的父母子女关系",
    "The registry knows of no such child of yours",
)
TOO_MANY_FAMILY_LOOKUPS = Text(
    "TOO_MANY_FAMILY_LOOKUPS",
    "今日次数已用完,请在 {retry_after_s} 秒后再试",
    "That was often enough for today, try again in {retry_after_s} seconds",
)
SERVICES_INVALID = Text(
    "SERVICES_INVALID", "请选择可代办的服务", "Please choose services that can be used for others"
)
UNTIL_INVALID = Text(
    "UNTIL_INVALID",
    "截止日期须在今天起三年以内",
    "The last day must lie within three years from today",
)
ALREADY_PROPOSED = Text(
    "ALREADY_PROPOSED", "您的申请正在等待对方确认", "Your proposal is waiting to be confirmed"
)
ALREADY_PROXY = Text(
    "ALREADY_PROXY",
    "该家人已是您的代办人,请先解除原有授权",
    "They act for you already; end that mandate first",
)
TOO_MANY_PROXIES = Text(
    "TOO_MANY_PROXIES",
    "您最多可为 {limit} 人代办",
    "You can act for at most {limit} people",
)
NEW_DEVICE_TITLE = Text("NEW_DEVICE_TITLE", "新设备登录", "A new device signed in")
NEW_DEVICE_MESSAGE = Text(
    "NEW_DEVICE",
    "您的账户在新设备({device})上登录。如非本人操作,请立即在“我的设备”中退出该设备。",
    "Your account was signed in on a new device ({device}). If that was not you, end that session "
    "at once.",
)
REUSED_TOKEN_TITLE = Text("REUSED_TOKEN_TITLE", "登录已被保护性退出", "A session was ended")
REUSED_TOKEN_MESSAGE = Text(
    "REUSED_TOKEN",
    "设备({device})的旧登录凭证被再次使用,为保护您的账户已退出该设备。如非本人操作,请检查其他设备。",
    "An old token of the device ({device}) was used again; its session was ended to protect you. "
    "If that was not you, look at your other devices.",
)
SIGNED_OUT_TITLE = Text("SIGNED_OUT_TITLE", "登录已退出", "You were signed out")
SIGNED_OUT_MESSAGE = Text(
    "SIGNED_OUT",
    "您在设备({device})上的登录已退出:{reason}。如非本人操作或有疑问,请查看“我的设备”,"
    "并联系政务热线。",
    "You were signed out on {device}: {reason}. If that was not you, or you wonder why, look at "
    "your devices and call the city's hotline.",
)
OUT_BY_OTHER_DEVICE = Named("在您的另一台设备上操作", "another device of yours asked for it")
OUT_FOR_ROOM = Named(
    "登录设备数已达上限,最久未使用的自动退出", "one more device signed in than an account has"
)
OUT_OWNER_BACK = Named(
    "账户已通过身份核验归还本人,此前的登录全部退出",
    "the account was given back to its owner, and every session before that was ended",
)
OUT_SUSPENDED = Named("您的工作人员权限已被停用", "your rights as a member of staff were suspended")
OUT_BY_MISTAKE = Named(
    "户籍部门曾误登记,现已撤销,账户已恢复",
    "the population registry had made a mistake, which it has withdrawn: the account is open again",
)
NEW_PASSKEY_TITLE = Text("NEW_PASSKEY_TITLE", "新增通行密钥", "A passkey was added")
NEW_PASSKEY_MESSAGE = Text(
    "NEW_PASSKEY",
    "您的账户新增了通行密钥({device})。如非本人操作,请立即删除该密钥并退出其他设备。",
    "A passkey ({device}) was added to your account. If that was not you, remove it and end your "
    "other sessions at once.",
)
PROOF_MISMATCH = Text(
    "PROOF_MISMATCH",
    "核验未通过,请确认姓名、证件、手机号或银行卡为本人所有",
    "This was not confirmed: name, number, phone and card must be your own",
)
PROOF_PENDING = Text(
    "PROOF_PENDING",
    "尚未完成身份认证,请在认证应用中完成后返回",
    "The other app has not confirmed you yet; please finish there and come back",
)
CARRIERS = "运营商 / mobile carriers"
CARD_NETWORK = "银行卡核验 / card network"
NETWORK_IDENTITY = "国家网络身份认证 / network identity"
CARRIER_CONSENT = Text(
    "CARRIER_CONSENT",
    "为确认手机号由本人使用,将您的姓名、证件号码和手机号提交运营商比对。",
    "To confirm that the phone is yours, name, document number and phone are compared with its "
    "carrier.",
)
CARD_CONSENT = Text(
    "CARD_CONSENT",
    "为确认是您本人,将您的姓名、证件号码、手机号和银行卡号提交银行比对;卡号不予保存。",
    "To confirm that it is you, name, document number, phone and card number are compared with "
    "the bank; the card number is not kept.",
)
NETWORK_CONSENT = Text(
    "NETWORK_CONSENT",
    "为确认是您本人,由国家网络身份认证平台告知您的姓名、证件号码和出生日期;人脸信息不经过本应用。",
    "To confirm that it is you, the national platform tells your name, document number and "
    "birth date; your face never passes through this app.",
)
STRONGER_PROOF = Text(
    "STRONGER_PROOF",
    "此手机号长期未使用,请通过运营商、银行卡或网络身份核验,或到服务窗口办理",
    "This phone was silent for long: please prove who you are by your operator, a bank card or "
    "your network identity, or at a counter",
)
DEVICE_BOUND_TITLE = Text("DEVICE_BOUND_TITLE", "设备已绑定密钥", "A device is bound to a key")
DEVICE_BOUND_MESSAGE = Text(
    "DEVICE_KEY_BOUND",
    "设备“{device}”已绑定本机密钥,今后可用它代替短信验证码确认身份。如非本人操作,请立即退出该设备。",
    "The device {device} now confirms with a key of its own instead of a code by text message. If "
    "that was not you, end its session at once.",
)
DEVICE_BOUND = Text("DEVICE_BOUND", "当前登录已绑定密钥", "This session is bound to a key already")
DEVICE_PROOF_REFUSED = Text(
    "DEVICE_PROOF_REFUSED",
    "本机密钥验证未通过,请重试或使用短信验证码",
    "The key in this phone was not accepted; please try again or use a code by text message",
)
PASSKEY_REFUSED = Text(
    "PASSKEY_REFUSED",
    "通行密钥验证未通过,请重试或使用短信验证码",
    "The passkey was not accepted; please try again or use a code by text message",
)
PASSKEY_KNOWN = Text("PASSKEY_KNOWN", "该通行密钥已添加", "This passkey was added already")
TOO_MANY_PASSKEYS = Text(
    "TOO_MANY_PASSKEYS",
    "最多可添加 {limit} 个通行密钥,请先删除不再使用的",
    "An account has at most {limit} passkeys: remove one that you no longer use",
)
CLAIM_REQUIRED = Text(
    "CLAIM_REQUIRED",
    "该身份信息已由监护人登记,请输入监护人在应用中生成的验证码",
    "A guardian has added this person: please give the code that the guardian makes in the app",
)
MINORS_MAY_NOT = Text(
    "MINORS_MAY_NOT",
    "未成年人不能办理此项,请由监护人办理",
    "This is not for minors; a guardian does it",
)
PHONE_IN_USE = Text(
    "PHONE_IN_USE",
    "该手机号码已绑定其他实名账户",
    "This phone belongs to another verified account",
)
NO_PHONE = Text(
    "NO_PHONE",
    "您的账户没有本人手机号码,请使用通行密钥,或到服务窗口登记手机号码",
    "This account has no phone of its own: use a passkey, or have a phone entered at a counter",
)
TO_CHANGE_PHONE = Named("将账户绑定到此手机号", "move an account to this phone")
ACTED_TITLE = Text("ACTED_TITLE", "家人代为办理", "Something was done for a family member")
ACTED_FOR_YOU_MESSAGE = Text(
    "ACTED_FOR_YOU",
    "{who}为您办理了:{what}。您可在应用中查看;如有疑问,请与其联系或解除代办授权。",
    "{who} did this for you: {what}. You can see it in the app; if you did not want it, talk to "
    "them or end what lets them act for you.",
)
ACTED_FOR_CHILD_MESSAGE = Text(
    "ACTED_FOR_CHILD",
    "{who}为{name}办理了:{what}。您也是{name}的监护人,可在应用中查看;对方能撤回的,您也能撤回。",
    "{who} did this for {name}: {what}. You are a guardian of {name} too: you can see it in the "
    "app, and undo whatever they could undo.",
)
MADE_CLAIM_CODE = Named("生成其本人手机启用账户的验证码", "made a code for a phone of their own")
BECAME_GUARDIAN = Named("登记为其监护人", "became their guardian")
ENDED_MANDATE = Named("解除其代办或监护关系", "ended what let somebody act for them")
CHILD_CLAIMED_TITLE = Text(
    "CHILD_CLAIMED_TITLE", "孩子的账户已启用", "Your child's account has a phone"
)
CHILD_CLAIMED_MESSAGE = Text(
    "CHILD_CLAIMED",
    "您孩子的账户已在其本人手机上启用。如非您或孩子操作,请立即联系政务热线。",
    "Your child's account is used from a phone of its own now. If neither of you did that, call "
    "the city's hotline at once.",
)
PHONE_CHANGED_TITLE = Text("PHONE_CHANGED_TITLE", "手机号已更换", "The phone was changed")
PHONE_CHANGED_MESSAGE = Text(
    "PHONE_CHANGED",
    "【{app}】您的账户已更换到尾号 {phone_end} 的手机。如非本人操作,请立即联系政务热线。",
    "[{app}] Your account was moved to a phone ending in {phone_end}. If that was not you, call "
    "the city's hotline at once.",
)
GUARDIANSHIP_ENDED = Text(
    "GUARDIANSHIP_ENDED",
    "您与该未成年人的监护关系已被依法终止,如有变化请到服务窗口办理",
    "Your guardianship was ended by an office; if that has changed, please go to a counter",
)
PROXY_TITLE = Text("PROXY_TITLE", "代办申请", "A request to act for you")
PROXY_MESSAGE = Text(
    "PROXY_PROPOSED",
    "【{app}】{name}(手机尾号 {phone_end})申请代您办理 {count} 项服务。如您认识并同意,请在 {days} "
    "天内登录应用确认;否则请忽略,并勿告诉任何人验证码。",
    "[{app}] {name} (phone ending in {phone_end}) asks to use {count} services for you. If you "
    "know them and agree, confirm in the app within {days} days; otherwise do nothing, and give no "
    "code to anybody.",
)
FAMILY_CONSENT = Text(
    "FAMILY_CONSENT",
    "为确认您与未成年子女的关系,将您和孩子的姓名、证件号码提交公安部门比对。",
    "To confirm that this is your child, both your names and document numbers are compared with "
    "the police registry.",
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
CODE_TITLE = Text("CODE_TITLE", "验证码", "Your code")
CODE_MESSAGE = Text(
    "LOGIN_CODE",
    "【{app}】您正在{purpose},验证码 {code},{minutes} 分钟内有效。"
    "任何人索要均为诈骗,请勿告诉他人。",
    "[{app}] To {purpose}, your code is {code}, valid for {minutes} minutes. Whoever asks you for "
    "it is a fraud: tell nobody.",
)
SPOKEN_CODE_MESSAGE = Text(
    "SPOKEN_CODE",
    "这里是{app}。您正在{purpose},验证码是:{code}。再说一遍:{code}。"
    "{minutes} 分钟内有效,请勿告诉他人。",
    "This is {app}. To {purpose}, your code is: {code}. Once more: {code}. It is valid for "
    "{minutes} minutes: tell nobody.",
)
VOICE_OFF = Text("VOICE_OFF", "本市未开通语音验证码", "This city does not read codes out by a call")
CAPTCHA_REQUIRED = Text(
    "CAPTCHA_REQUIRED",
    "请先完成人机验证",
    "Please show first that you are no machine",
)
CAPTCHA_REFUSED = Text(
    "CAPTCHA_REFUSED",
    "人机验证未通过,请重新验证",
    "That was not accepted; please try the challenge again",
)
TO_SIGN_IN = Named("登录", "sign in")
TO_STEP_UP = Named("确认支付、健康等重要操作", "confirm a payment or another important step")
REAL_NAME_CONSENT = Text(
    "REAL_NAME_CONSENT",
    "为核验您的身份,将您的姓名和身份证号码提交公安部门比对。",
    "To verify who you are, your name and ID number are compared with the police registry.",
)
ACCOUNT_NEEDED = Text(
    "ACCOUNT_NEEDED",
    "您是未成年人的监护人,请先解除监护关系再注销账户",
    "You are the guardian of a child: end that first, then close the account",
)
ACCOUNT_UNSETTLED = Text(
    "ACCOUNT_UNSETTLED",
    "您还有未办结的事项,请先结束后再注销账户",
    "Something of yours is still under way: it has to end before the account can be closed",
)
CLOSING_ASKED_TITLE = Text("CLOSING_ASKED_TITLE", "账户将注销", "Your account will be closed")
CLOSING_ASKED_MESSAGE = Text(
    "CLOSING_ASKED",
    "您的账户将于{closes_on}注销,在此之前可登录后随时撤回。如非本人操作,请立即撤回并联系政务热线。",
    "Your account will be closed on {closes_on}. Until then, sign in to take that back at any "
    "time. If it was not you who asked, do so at once and call the city's hotline.",
)
CLOSING_WAITS_TITLE = Text("CLOSING_WAITS_TITLE", "账户暂未注销", "Your account is still open")
CLOSING_WAITS_MESSAGE = Text(
    "CLOSING_WAITS",
    "您有新的未办结事项,账户将在其办结后注销。如不再需要注销,可登录后撤回。",
    "Something of yours has begun meanwhile; the account will be closed when it has ended. If you "
    "want to keep it, sign in and say so.",
)
PERSON_DIED_TITLE = Text("PERSON_DIED_TITLE", "账户已关闭", "An account was closed")
PERSON_DIED_MESSAGE = Text(
    "PERSON_DIED_MESSAGE",
    "户籍部门登记{name}已故,其账户已关闭,与您之间的代办、监护关系已结束。谨致哀悼。"
    "如登记有误,请到户籍窗口更正;办理其身后事宜,请到政务服务大厅。",
    "The population registry records that {name} has died. Their account is closed, and acting for "
    "them, or they for you, has ended. We are sorry for your loss. If the record is wrong, please "
    "go to the registry; for what remains to be settled, to the service hall.",
)
WITHHELD_CODES = Text(
    "WITHHELD_CODES",
    "一次性验证码、设备指纹和检索索引仅以不可还原的形式保存",
    "One-time codes, device fingerprints and look-up indexes are stored in a form that cannot be "
    "read back",
)
WITHHELD_STAFF = Text(
    "WITHHELD_STAFF",
    "经办人员的姓名属于其个人信息,仅显示岗位",
    "The names of staff are their own personal data; their office is shown",
)
HOLD_ACCESS_LOG = Text(
    "HOLD_ACCESS_LOG",
    "个人信息处理记录依法至少保存三年,其中不含您的姓名和证件号码",
    "Records of processing are kept for three years by law; they hold neither name nor ID number",
)
HOLD_IDENTITY = Text(
    "HOLD_IDENTITY",
    "依法保存的业务记录需要可核对的身份,姓名和证件号码加密封存至期满",
    "Records that the law keeps need a name to them: name and ID number stay sealed until then",
)
