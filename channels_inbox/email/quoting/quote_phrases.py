"""What mail programs write around quoted mails, by language. Data only, lower case."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Header(Enum):
    """What a line of a quoted header block tells. SENT is a word used for mails only."""

    FROM = auto()
    SENT = auto()
    DATE = auto()
    TO = auto()
    COPY = auto()
    SUBJECT = auto()
    REPLY_TO = auto()


WROTE: Final[dict[str, tuple[str, ...]]] = {
    "en": ("wrote",),
    "ar": ("كتب", "كتبت", "كتب/كتبت"),
    "bg": ("написа",),
    "ca": ("va escriure", "ha escrit"),
    "cs": ("napsal", "napsala", "napsal(a)", "píše"),
    "da, nb": ("skrev", "skrev følgende", "skreiv", "skriver"),
    "de": ("schrieb", "hat geschrieben", "schrieb folgendes", "geschrieben"),
    "el": ("έγραψε", "έγραψες"),
    "es": ("escribió", "escribio", "escribió lo siguiente"),
    "et": ("kirjutas",),
    "fa": ("نوشت",),
    "fi": ("kirjoitti",),
    "fr": ("a écrit", "a ecrit"),
    "he": ("כתב", "כתבה", "כתב/ה", "כתב/כתבה", "כתב ‏/ה"),
    "hr, sr, sl": ("je napisao", "je napisala", "je napisao/la", "napisao je", "napisala je")
    + ("je napisal", "je napisal/a", "je pisao", "је написао", "је написао/ла"),
    "hu": ("írta", "ezt írta"),
    "id": ("menulis",),
    "it": ("ha scritto", "ha scritto quanto segue"),
    "ja": ("のメール", "のメッセージ", "書きました", "が書きました"),
    "ko": ("작성", "님이 작성", "님의 말", "썼습니다", "님이 작성한 메시지"),
    "lt": ("rašė",),
    "lv": ("rakstīja",),
    "nl": ("schreef", "het volgende geschreven", "schreef het volgende"),
    "pl": ("napisał", "napisała", "napisał(a)", "napisał/a", "pisze"),
    "pt": ("escreveu",),
    "ro": ("a scris",),
    "ru": ("написал", "написала", "написал(а)", "писал", "писала", "писал(а)", "пишет"),
    "sk": ("napísal", "napísala", "napísal(a)"),
    "sv": ("skrev följande",),
    "th": ("เขียน", "เขียนว่า"),
    "tr": ("yazdı", "şunu yazdı", "şunları yazdı", "tarihinde şunu yazdı"),
    "uk": ("написав", "написала", "написав(-ла)", "пише", "писав", "писав(ла)"),
    "vi": ("đã viết", "viết", "đã ghi", "viết rằng"),
    "zh": ("写道", "寫道", "写到", "写了", "撰寫", "来信"),
}

ALSO_WROTE: Final = ("sent", "said", "writes", "has written", "scrisse", "schrijft", "schreibt")
"""Everyday verbs: they count only next to an address or right above a quote."""

WROTE_BEFORE_NAME: Final = ("schrieb", "schreef", "skrev", "skreiv", "skriver", "heeft")
"""Languages that put the verb before the name: `Am 3.4. um 12:00 schrieb Max:`."""

I_OR_WE: Final = (
    *("i", "we", "ich", "wir", "je", "j'ai", "nous", "yo", "eu", "io", "ik", "wij", "jag", "jeg"),
    *(
        "minä",
        "ja",
        "já",
        "я",
        "мы",
        "ми",
        "ben",
        "biz",
        "tôi",
        "mình",
        "我",
        "私",
        "저는",
        "אני",
        "أنا",
    ),
)
"""`On 5 May I wrote:` is the writer's own sentence, not a mail program's."""

LEAD_IN: Final = (
    *("On", "Am", "Le", "El", "Em", "Il", "Op", "Den", "På", "Pe", "Dne", "Dňa", "Dnia", "W dniu"),
    *("Vào", "Lúc", "Ngày", "Pada", "Dana", "Dne", "La", "Em", "Το", "Στις", "Den", "A", "Kl"),
)
"""What the line about the quoted mail begins with, before the date."""

ORIGINAL_MESSAGE: Final[dict[str, tuple[str, ...]]] = {
    "en": ("original message", "original appointment", "original mail", "original email"),
    "ar": ("الرسالة الأصلية", "رسالة أصلية"),
    "cs, sk": ("původní zpráva", "původní e-mail", "pôvodná správa"),
    "da, nb": ("oprindelig meddelelse", "original meddelelse", "opprinnelig melding")
    + ("original melding", "opprinnelig epost", "oprindelig besked"),
    "de": ("ursprüngliche nachricht", "original-nachricht", "originalnachricht")
    + ("originalmeldung", "ursprüngliche mail"),
    "el": ("αρχικό μήνυμα",),
    "es": ("mensaje original",),
    "fi": ("alkuperäinen viesti",),
    "fr": ("message d'origine", "message original", "message initial", "courriel original"),
    "he": ("הודעה מקורית", "ההודעה המקורית"),
    "hu": ("eredeti üzenet",),
    "id": ("pesan asli",),
    "it": ("messaggio originale", "messaggio originario"),
    "ja": ("元のメッセージ", "original message", "オリジナルメッセージ", "元のメール"),
    "ko": ("원본 메시지", "원본 메세지", "원본 이메일", "원래 메시지", "original message"),
    "nl": ("oorspronkelijk bericht", "origineel bericht", "oorspronkelijke bericht"),
    "pl": ("oryginalna wiadomość", "wiadomość oryginalna", "wiadomość oryginal"),
    "pt": ("mensagem original",),
    "ro": ("mesaj original", "mesajul original"),
    "ru": ("исходное сообщение", "пересылаемое сообщение", "оригинальное сообщение")
    + ("исходное письмо",),
    "sv": ("ursprungligt meddelande", "originalmeddelande"),
    "th": ("ข้อความต้นฉบับ",),
    "tr": ("orijinal mesaj", "özgün ileti", "orijinal ileti", "özgün mesaj"),
    "uk": ("вихідне повідомлення", "початкове повідомлення", "оригінальне повідомлення"),
    "vi": ("tin nhắn gốc", "thư gốc", "thư ban đầu", "tin nhắn ban đầu", "email gốc"),
    "zh": ("原始邮件", "原始郵件", "邮件原件", "原邮件", "原始信件", "回复的原邮件", "原始消息"),
}

FORWARDED: Final[dict[str, tuple[str, ...]]] = {
    "en": ("forwarded message", "begin forwarded message", "forwarded mail", "fwd message"),
    "cs, sk": ("přeposlaná zpráva", "předaná zpráva", "preposlaná správa"),
    "da, nb": ("videresendt meddelelse", "videresendt besked", "videresendt melding")
    + ("start på videresendt besked", "videresendt e-mail"),
    "de": ("weitergeleitete nachricht", "anfang der weitergeleiteten nachricht")
    + ("anfang der weitergeleiteten e-mail", "weitergeleitete mail"),
    "es": ("mensaje reenviado", "inicio del mensaje reenviado"),
    "fi": ("välitetty viesti", "edelleenlähetetty viesti"),
    "fr": ("message transféré", "début du message transféré", "message transmis")
    + ("début du message réexpédié",),
    "he": ("הודעה שהועברה", "הודעה מועברת"),
    "hu": ("továbbított üzenet",),
    "it": ("messaggio inoltrato", "inizio messaggio inoltrato"),
    "ja": ("転送メッセージ", "転送されたメッセージ"),
    "ko": ("전달된 메시지", "전달된 메일"),
    "nl": ("doorgestuurd bericht", "begin doorgestuurd bericht"),
    "pl": ("przekazana wiadomość", "wiadomość przekazana", "treść przekazanej wiadomości"),
    "pt": ("mensagem encaminhada", "mensagem reencaminhada")
    + ("início da mensagem encaminhada", "início da mensagem reencaminhada"),
    "ro": ("mesaj redirecționat",),
    "ru": ("пересылаемое сообщение", "переадресованное сообщение", "начало переадресованного"),
    "sv": ("vidarebefordrat meddelande", "vidarebefordrat brev")
    + ("påbörjat vidarebefordrat meddelande",),
    "tr": ("iletilmiş mesaj", "iletilen ileti", "yönlendirilen mesaj"),
    "uk": ("переслане повідомлення", "переадресоване повідомлення"),
    "vi": ("thư được chuyển tiếp", "tin nhắn được chuyển tiếp", "thư chuyển tiếp"),
    "zh": ("转发的邮件", "轉寄郵件", "转发邮件", "转发邮件信息", "轉寄的郵件"),
}

REPLY_ABOVE: Final = (
    *("reply above this line", "type your reply above this line", "write above this line"),
    *("antworten sie über dieser linie", "über dieser zeile antworten"),
    *("répondre au-dessus de cette ligne", "répondez au-dessus de cette ligne"),
    *("responda por encima de esta línea", "responda acima desta linha"),
    *("rispondi sopra questa riga", "antwoord boven deze regel", "skriv ovanför denna rad"),
    *("vui lòng trả lời phía trên dòng này", "trả lời phía trên dòng này"),
)

HEADERS: Final[dict[Header, tuple[str, ...]]] = {
    Header.FROM: (
        *("from", "von", "de", "da", "van", "från", "fra", "lähettäjä", "od", "mittente"),
        *("от", "від", "kimden", "gönderen", "发件人", "寄件者", "寄件人", "差出人", "送信者"),
        *("보낸 사람", "보낸사람", "từ", "người gửi", "dari", "von", "من", "מאת", "från"),
        *("feladó", "de la", "απο", "από", "จาก", "remitente", "remetente", "expéditeur"),
        *("afzender", "absender", "avsändare", "afsender", "avsender", "отправитель"),
    ),
    Header.SENT: (
        *("sent", "gesendet", "envoyé", "envoyé le", "enviado", "enviado el", "enviado em"),
        *("enviada", "enviada em", "enviada el", "inviato", "inviato il", "verzonden"),
        *("verzonden op", "skickat", "skickades", "sendt", "lähetetty", "wysłano", "wysłane"),
        *("odesláno", "odoslané", "отправлено", "надіслано", "gönderildi", "gönderme tarihi"),
        *("发送时间", "發送時間", "寄件日期", "傳送時間", "送信日時", "보낸 날짜", "보낸날짜"),
        *("đã gửi", "gửi lúc", "đã gửi lúc", "dikirim", "تم الإرسال", "أرسلت", "נשלח"),
        *("elküldve", "küldve", "trimis", "στάλθηκε", "sendt den", "poslano", "изпратено"),
    ),
    Header.DATE: (
        *("date", "datum", "fecha", "data", "dato", "päivämäärä", "päiväys", "дата", "tarih"),
        *("日期", "日時", "日付", "날짜", "ngày", "thời gian", "tanggal", "التاريخ", "תאריך"),
        *("dátum", "ημερομηνία", "วันที่", "时间", "時間", "dată", "date d'envoi", "sent at"),
    ),
    Header.TO: (
        *("to", "an", "à", "a", "para", "aan", "till", "til", "vastaanottaja", "do", "komu"),
        *("кому", "kime", "alıcı", "收件人", "收件者", "宛先", "받는 사람", "받는사람", "tới"),
        *("đến", "người nhận", "kepada", "إلى", "אל", "címzett", "προς", "către", "pre", "za"),
        *("ถึง", "destinatario", "destinatário", "destinataire", "mottagare", "modtager"),
    ),
    Header.COPY: (
        *("cc", "bcc", "kopie", "copie", "copia", "cópia", "kopia", "kopi", "kopio", "копия"),
        *("копія", "bilgi", "抄送", "副本", "참조", "đồng gửi", "نسخة", "עותק", "dw", "udw"),
        *("másolatot kap", "κοιν", "c.c", "cc:"),
    ),
    Header.SUBJECT: (
        *("subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "ämne"),
        *("emne", "aihe", "temat", "předmět", "predmet", "тема", "konu", "主题", "主題", "主旨"),
        *("件名", "제목", "tiêu đề", "chủ đề", "v/v", "subjek", "perihal", "الموضوع", "נושא"),
        *("tárgy", "θέμα", "subiect", "เรื่อง", "motiv", "относно", "sujet", "assumpte"),
    ),
    Header.REPLY_TO: (
        *("reply-to", "reply to", "antwort an", "répondre à", "responder a", "responder para"),
        *("rispondi a", "beantwoorden aan", "svara till", "svar til", "importance", "priority"),
        *("attachments", "anlagen", "pièces jointes", "organization", "wichtigkeit", "priorität"),
        *("组织", "trả lời tới", "organisation", "resent-from", "x-priority", "message-id"),
    ),
}

HEADER_OF: Final[dict[str, Header]] = {
    word: header for header, words in HEADERS.items() for word in words
}
