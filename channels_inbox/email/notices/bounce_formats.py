"""What delivery failures look like, as tables. Phrases are matched against folded text
(lower case, no accents, single spaces); the rules that use them are in `bounces` and
`failed_recipients`."""

import re

from channels_inbox.email.notices.mail_headers import fold

# Mail software that only ever writes about delivery.
DAEMON_SENDERS = re.compile(
    r"^(mailer-?daemon|mailer|m-?daemon|mail-?daemon|mail[._-]delivery[._-](system|subsystem)"
    r"|e500_smtp_mail_service|.*antivirus.*smtp.*|bounce-?daemon)$"
)
DAEMON_NAMES = re.compile(
    r"\b(mail(er)?[ -]daemon|mail deliver(?:y)? (sub)?system|internet mail delivery)\b"
)
# Addresses a person may write from as well.
NOTICE_SENDERS = re.compile(
    r"^(post_?master|mail-?admin(istrator)?|system-?administrator|sysadmin|system|interscan.*)$"
)
NOTICE_NAMES = re.compile(
    r"^(.*postmaster|(system|mail) administrator|interscan .*|.*notification)$"
)
LIST_MANAGERS = re.compile(r"-(admin|ctl|request)$")
ROBOT_SENDERS = re.compile(r"^(no|do-?not)-?_?reply$")

_MAIL_SUBJECTS = (
    r"undeliver(able|ed)( (e-?)?mail\b| message\b| report|:|$)",
    r"(e-?mail|message|mail) (delivery|system) (fail|error|problem|has failed|status|delay)",
    r"delivery status notification",
    r"delivery failure: ",
    r"delivery (failure|notification|report|error)\b.{0,30}\b(fail|delay|for \S+@)",
    r"(permanent|temporary|transient) delivery fail",
    r"failure (notice|delivery)\b",
    r"returned (e-?mail|message)\b",
    r"non-?\s?deliver(y|able)\b",
    r"(mail|message|e-?mail)( could| has| was|s? can)?( ?not)?( be| been)? not ?delivered",
    r"(your )?(mail|message|e-?mail)s? .{0,60}(could|can) ?not be delivered",
    r"(e-?mail|message|mail) (has )?fail(ed|ure)\b",
    r"failed (mail|message)\b",
    r"message (delivery|status)\b.{0,20}\b(fail|undeliver|delay|problem)",
    r"(automatically )?rejected mail\b",
    r"(e-?mail|mail|message) rejected\b",
    r"message you sent blocked\b",
    r"there was an error sending your mail",
    r"e-?mail bounce",
    r"(delayed|deferred) mail\b",
    r"(message|mail) (is )?(delayed|deferred)\b",
    r"warning: (message|mail|could not send|e-?mail)\b.{0,80}",
    r"warning: \S+@\S+ - user unknown",
    r"(notice: )?mail delivery status",
    r"postmaster notify\b",
    r"(mail|message) system error",
    r"sorry, your (message|mail)\b.{0,20}not be delivered",
    r"loop alert\b|.{0,60}\bis rejected \(",
    r"not member article\b",
    r"user unknown",
    r"unknown (user|recipient|address)",
    r"unzustellbar|nicht zustellbar|zustellung(sfehler)? .{0,40}fehlgeschlagen|unzugestellt",
    r"non remis|non distribuable|echec de (la )?(remise|distribution)|message non delivre",
    r"no se puede entregar|no entregado|correo no entregado|mensaje no entregado",
    r"non recapitabile|impossibile recapitare|mancata consegna|mancato recapito",
    r"nao (foi )?entregue|nao e possivel entregar|falha na entrega",
    r"onbestelbaar|niet te bezorgen|niet bezorgd|olevererbart|det gar inte att leverera",
    r"kan ikke leveres|ikke levert|ei voitu toimittaa|toimitus epaonnistui",
    r"niedostarczon|nie mozna dostarczyc|nedorucitelne|nelze dorucit|kezbesithetetlen",
    r"teslim edilemed|iletilemedi|αδυνατη η παραδοση",
    r"не удается доставить|недоставлен|не доставлен|ваше сообщение не доставлено",
    r"khong (the )?(gui|chuyen|phat)( thu)?( duoc)?\b|thu (bi tra|khong gui duoc)",
    r"退信|系统退信|无法(传递|投递|送达)|未送达|邮件投递失败|邮件系统退信|無法(傳遞|投遞|送達)|退回",
    r"配信(不能|不可|エラー|できません)|送信できません|エラーメール|未配信|メールの返送",
    r"배달되지 않음|배달할 수 없|전송 실패|반송",
    r"ไม่สามารถส่ง|לא ניתן למסירה|تعذر (ال)?تسليم",
)
_AMBIGUOUS_SUBJECTS = (
    r"(message |mail )?delivery (has )?(fail|error|problem|report|status|notification|notice)",
    r"delivery (is |has been )?delayed",
    r"(could not|unable to) (be )?deliver",
    r"undelivered|not delivered",
    r"bounced?\b",
    r"warning\b",
    r"error\b",
)
_BODY_PHRASES = (
    r"message that you (have )?sen[dt] (could not|has not yet)",
    r"could not be delivered (to )?(all of its|one or more|for|the following|some)",
    r"could not (be )?deliver(ed)? (the |your )?(mail|message|e-?mail|to:? ?<)",
    r"(un|not |n't )able to deliver (your |the |this |the following )*(message|mail|e-?mail)",
    r"deliver[ey]ry to the following (recipient|address)",
    r"following (list of )?(recipients?|address(es)?)(\(s\)|\(es\))? ?(had|have|failed|was|were|did"
    r"|could|has|:)",
    r"(message|mail|e-?mail)( .{0,60})? (was|has|have|is)( not|n't)( been| yet been)? delivered",
    r"did not reach (the following|some)",
    r"undeliverable (to|address|message|mail)|non-?delivery report",
    r"delivery status notification|delivery (failed|attempts|has failed|report)",
    r"this is the (.{1,40} )?(mail system|program|mailer-daemon|dragonfly mail agent)",
    r"mail delivery (software|system|agent)|qmail-send|mail-?system error",
    r"this is a permanent error|i've given up",
    r"had (permanent|transient|delivery|fatal)( fatal| non-fatal)*( delivery)? (errors|problems)",
    r"(permanent|temporary)(ly)? (fatal |delivery )?(fail|error)",
    r"(still )?awaiting delivery|has not yet been delivered|has been delayed|will be retried",
    r"rcpt to|remote (host|server) (said|replied|error)|smtp error|transcript of (the )?session",
    r"(unknown|no such|invalid) (user|recipient|local part)|user (is )?unknown|user not known",
    r"invalid final delivery userid|recipient (address )?(rejected|not found|unknown)",
    r"(mailbox|mail ?box) (is )?(full|unavailable|not found)|over (disk )?quota|quota exceeded",
    r"address (you|to which your|your).{0,40} (does not|did not|message)",
    r"was (automatically )?rejected|rejected (the )?recipient|error (occurred while|delivering)",
    r"encountered delivery problems|no longer valid|failed (addresses|recipients)",
    r"duplicated message-id|not (a )?member of",
    r"(mail|message|e-?mail) .{0,80}(was|been) (returned|blocked|refused)",
    r"(konnte|kann) nicht (zugestellt|ausgeliefert|gesendet)|nicht zugestellt werden",
    r"n'a (pas )?pu etre (remis|delivre|distribue|achemine)|n'a pas ete (remis|delivre)",
    r"no (se )?ha podido (ser )?entrega|no se pudo entregar|no pudo ser entregado",
    r"(non e stato|impossibile|non puo essere) (recapita|consegna)",
    r"(nao (foi|pode|pude) .{0,20}|impossivel )entreg(ue|ar)",
    r"(niet|kon niet) (worden )?(afgeleverd|bezorgd)|kunde inte levereras",
    r"nie (mogla|mozna|zostala) .{0,20}(dostarcz)|nebylo mozne dorucit",
    r"не может быть доставлено|не (было|удалось) доставлен|невозможно доставить",
    r"khong the (gui|chuyen|phat)|khong gui duoc|gui khong thanh cong",
    r"无法(发送|投递|送达|传递)|投递失败|退信|無法(傳送|投遞|送達|傳遞)",
    r"(配信|送信|配送|お届け)(でき|が出来)ません|送信に失敗|届けることができ|宛先不明",
    r"배달(되지|할 수)|전송(되지|할 수)",
)
_DELAY_PHRASES = (
    r"delayed mail|message delayed|(has been|is|been) delayed|\bdelayed \d+|\(delay(ed)?\)",
    r"still being (re)?tried|(still )?awaiting delivery",
    r"(is a |this is (just )?a |a )?warning( message)? only|this is (just )?a warning",
    r"(will|shall) be retried|will (continue|keep) (trying|to (attempt|try))",
    r"(delivery )?attempts will continue|retry for|will retry",
    r"(not yet been|could not yet be) delivered",
    r"need to resend your message|transient non-fatal errors",
)
_GAVE_UP_PHRASES = (
    r"permanent|given up|giving up|not going to try again|no further (delivery )?attempts",
    r"has failed|delivery failed|\(failure\)|too long|expired",
)


def _folded_pattern(pattern: str) -> str:
    """Patterns are written with readable letters; only those outside ASCII need folding."""
    return re.sub(r"[^\x00-\x7f]+", lambda found: fold(found.group()), pattern)


def _any_of(patterns: tuple[str, ...], *, at_start: bool = False) -> re.Pattern[str]:
    joined = "|".join(f"(?:{_folded_pattern(pattern)})" for pattern in patterns)
    return re.compile(rf"^\W{{0,6}}(?:{joined})" if at_start else joined)


MAIL_SUBJECT = _any_of(_MAIL_SUBJECTS, at_start=True)
AMBIGUOUS_SUBJECT = _any_of(_AMBIGUOUS_SUBJECTS, at_start=True)
BODY_PHRASE = _any_of(_BODY_PHRASES)
DELAY_PHRASE = _any_of(_DELAY_PHRASES)
GAVE_UP_PHRASE = _any_of(_GAVE_UP_PHRASES)

# Where the report ends and the copy of the undelivered mail begins.
COPY_MARKER = re.compile(
    r"^(received|return-path|dkim-signature|x-received|delivered-to|x-original-to):"
    r"|^\W{0,80}(this is|here is|below is|included is|enclosed is)?( an?)?( the)? ?copy of"
    r"|^\W{0,80}(start of |the |your )?(original|returned|undelivered|unsent|bounced)"
    r"( e-?)?( ?mail| ?message)?( text| header| contents?)?s?"
    r"( (is )?(follow|below|as received|as follow|reads|attached|starts|included).*)?[\W_]*$"
    r"|^\W{0,80}(message|mail) (text|header|body)s? follow"
    r"|^\W{0,80}below (this|the next) line\b"
    r"|^\W{0,80}(the )?(header|body|first part|text) of the (original|returned|undelivered)"
    r"|^your message reads"
    r"|^\W{0,80}a (copy|summary) of the (original|undelivered)"
    r"|^-{2,}\W*(returned message|original message|begin forwarded|returned mail)"
)

# What stands right before a failed address in running text.
BEFORE_ADDRESS = re.compile(
    r"(?:(?:undeliverable|delivered|deliver|sent|addressed|transmitted|relay) ?(?:to|for)?,?"
    r"|(?:message|mail|messages) (?:to|for)( local user)?"
    r"|(?:address|recipients?|user|userid|username|account|mailbox|person|login|addressee)"
    r"(?: is)?(?: full| unknown| rejected| not found)?"
    r"|\d+ attempts|violation for|gateway for|failed for|smtp="
    r"|rcpt(?: to)?|unknown user|recipient|reach|(?:errors?|problems?) (?:for|with|sending to)"
    r")[\s:=<>\"'([]{0,4}(?:smtp:)?$"
)
# Whom to ask for help is not whom the mail was for.
CONTACT_BEFORE_ADDRESS = re.compile(r"\b(contact|assistance|questions?|reply|please (send|mail))\b")
UNDELIVERED_TO = re.compile(
    r"(not be delivered|not delivered|undeliverable|(un|not )able to deliver( \w+){0,3})"
    r" to:?[\s<]*$"
)
# A line after which lines hold nothing but failed addresses and reasons.
LIST_INTRODUCTION = re.compile(
    r"(?:recipient|addressee|address|user)(?:s|es|\(s\)|\(es\))?\b.{0,80}[:\-. ]*$"
    r"|(?:delivered|deliver|deliver .{0,30}|undeliverable|reach(?:ed)?|sent) (?:to|for)\W*$"
    r"|^\W*failed:?\W*$|failure reasons|following:\W*$|delivery (?:problems|errors)"
    r"|this is a permanent error\.?\W*$|宛先|アドレス|地址|адрес"
)
# An address that begins its line, then a colon, dots or a bracketed reason.
REASON_AFTER_ADDRESS = re.compile(
    r"^[>\"')]{0,2}\s{0,4}(?::(?:\s|$)|\.\.\.|; |\((?:reason|failed|unk))"
)
SMTP_REPLY = re.compile(r"(?:^|[\s:\[(])[45]\d\d[ -]|#?[45]\.\d{1,3}\.\d{1,3}\b")
