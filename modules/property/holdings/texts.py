"""The words of real estate."""

from core.texts import Named, Text

REGISTRY = "不动产登记系统 / the real-estate registry"
CONSENT = Text(
    "REAL_ESTATE_CONSENT",
    "为向您展示本人的不动产登记信息、开具无房证明,凭您的证件号码向不动产登记系统查询。",
    "To show you your real estate and to certify that you have none, your document number is used "
    "to ask the real-estate registry.",
)
OWNS_PROPERTY = Text(
    "OWNS_PROPERTY",
    "登记系统中有您的不动产,不能开具无房证明",
    "The registry has property of yours, so the certificate cannot be issued",
)
NO_CERTIFICATES = Text(
    "NO_CERTIFICATES",
    "暂不能在线开具证明,请到不动产登记窗口办理",
    "Certificates are not issued online at the moment, please go to the registry's office",
)
TITLE = Named("无房证明", "Certificate of no property")
STATEMENT = Named("无不动产登记", "none registered in the city")
NOTE = Named(
    "本证明由登记系统查询结果生成并经电子签名;扫描二维码可核验,三十日内有效。",
    "Made from the registry's answer and signed; scan the code to verify it. Good for thirty days.",
)
