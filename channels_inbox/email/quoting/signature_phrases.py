"""What phones and mail programs write under a mail, by language. Data only, lower case."""

from __future__ import annotations

from typing import Final

SENT_FROM: Final[dict[str, tuple[str, ...]]] = {
    "en": ("sent from", "sent via", "sent with", "sent using", "sent by", "sent on", "sent through")
    + ("this email was sent from", "this message was sent from", "composed on", "typed on"),
    "ar": ("أُرسلت من", "أرسلت من", "تم الإرسال من", "مرسل من"),
    "ca": ("enviat des de", "enviat amb"),
    "cs, sk": ("odesláno z", "odesláno pomocí", "odoslané z", "odoslané pomocou"),
    "da, nb": ("sendt fra", "sendt med", "sendt via"),
    "de": ("gesendet von", "gesendet mit", "gesendet via", "gesendet aus", "gesendet über")
    + ("verschickt von", "versendet mit", "gesendet per"),
    "el": ("στάλθηκε από", "εστάλη από"),
    "es": ("enviado desde", "enviado con", "enviado vía"),
    "fi": ("lähetetty",),
    "fr": ("envoyé depuis", "envoyé de", "envoyé à partir", "envoyé avec", "envoyé via")
    + ("envoyée depuis", "télécharger", "provenance"),
    "he": ("נשלח מ", "נשלח מה", "נשלח באמצעות"),
    "hu": ("elküldve", "küldve", "iphone-ról küldve"),
    "id": ("dikirim dari", "terkirim dari"),
    "it": ("inviato da", "inviato dal", "inviato con", "inviato tramite"),
    "nl": ("verzonden vanaf", "verstuurd vanaf", "verzonden met", "verstuurd met", "verzonden via")
    + ("verstuurd via", "verzonden vanuit", "verstuurd vanuit"),
    "pl": ("wysłane z", "wysłano z", "wysłane przez"),
    "pt": ("enviado do", "enviado de", "enviado a partir", "enviado pelo", "enviada do")
    + ("enviado via", "enviado com"),
    "ro": ("trimis de pe", "trimis din"),
    "ru": ("отправлено с", "отправлено из", "отправлено через", "послано с"),
    "sv": ("skickat från", "skickat med", "skickades från", "skickat via"),
    "th": ("ส่งจาก", "ส่งโดย"),
    "uk": ("надіслано з", "відправлено з"),
    "vi": ("gửi từ", "được gửi từ", "đã gửi từ", "gửi bằng", "gửi qua", "thư được gửi từ"),
    "zh": ("发自我的", "發自我的", "发自", "來自我的", "来自我的", "寄自我的"),
}
"""The line begins with this, the device follows."""

SENT_AT_THE_END: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "de": (("von", "mit", "diese nachricht wurde", "diese e-mail wurde", "diese mail wurde"),)
    + (("gesendet", "verschickt", "versendet"),),
    "hu": (("",), ("küldve", "elküldve")),
    "ja": (("",), ("から送信", "より送信", "から送信されました", "から送信されたメール")),
    "ko": (("",), ("에서 보냄", "에서 보냈습니다", "에서 전송됨", "에서 보낸 메일입니다")),
    "tr": (("",), ("gönderildi", "gönderilmiştir")),
    "zh": (("从", "從", "由", "自"), ("传送", "傳送", "发送", "發送", "寄出", "发出")),
}
"""The line begins with one of the first words, names the device, and ends with one of the last."""

GET_THE_APP: Final = (
    *("get", "download", "holen sie sich", "obtenir", "obtenez", "télécharger", "téléchargez"),
    *("obtener", "obtén", "obter", "obtenha", "scarica", "ottieni", "hent", "hämta", "hanki"),
    *("pobierz", "získat", "stáhnout", "скачать", "скачайте", "получить", "завантажити", "al"),
    *("edinin", "tải", "tải xuống", "unduh", "dapatkan", "获取", "下载", "取得", "download de"),
    *("laden sie", "baixe", "baixar", "descargar", "aanschaffen", "letöltés", "obțineți", "قم"),
)
GET_AT_THE_END: Final = (
    "beziehen",
    "holen",
    "herunterladen",
    "downloaden",
    "'u edinin",
    "를 다운로드",
)
SLOGANS: Final = (
    "yahoo mail: search, organize, conquer",
    "yahoo mail: rechercher, organiser, conquérir",
)
APP: Final = "outlook"
APP_SYSTEMS: Final = ("ios", "android", "mac", "windows")

DEVICES: Final = (
    *("iphone", "ipad", "ipod", "android", "blackberry", "galaxy", "samsung", "huawei", "xiaomi"),
    *("nokia", "motorola", "xperia", "outlook", "windows phone", "smartphone", "mobilgerät"),
    *("mobiltelefon", "telefon", "téléphone", "teléfono", "telefono", "telefoon", "telemóvel"),
    *("cellulare", "celular", "puhelime", "мобильн", "телефон", "điện thoại"),
    *(
        "携帯",
        "スマートフォン",
        "手机",
        "手機",
        "휴대",
        "смартфон",
        "di động",
        "โทรศัพท์",
        "هاتف",
        "iphonu",
    ),
)
"""Also as the beginning of a word: many languages bend them."""

DEVICE_WORDS: Final = (
    *("ios", "apple watch", "htc", "oneplus", "oppo", "vivo", "pixel", "alcatel", "lg", "sony"),
    *("windows", "mac", "mailbox", "airmail", "yahoo", "gmail", "aol", "gmx", "web.de", "k-9"),
    *("proton", "protonmail", "mobile", "cell", "phone", "cellphone", "handy", "tablet", "pc"),
    *("typeapp", "bluemail", "acompli", "edison", "spark", "thunderbird", "superhuman", "newton"),
    *("polymail", "sparrow", "zoho", "mail.ru", "naver", "mobiel", "mobil", "móvil", "mobilen"),
    *("device", "handheld", "unterwegs", "app", "mail", "portable", "mymail", "tutanota", "hey"),
)
