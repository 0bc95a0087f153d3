"""Routes that only the demo has."""

from django.urls import path, register_converter

from helpdesk.demo import door, guide, mailbox, phone, postbox, shop


class BoxConverter:
    """A folder of a mailbox."""

    regex = "|".join(postbox.FOLDERS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class PhoneConverter:
    """A number with its country's code and without the +."""

    regex = "[1-9][0-9]{6,14}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(BoxConverter, "box")
register_converter(PhoneConverter, "phone")

MAIL = "mailbox/<str:who>/<box:box>/<int:uid>/"
urlpatterns = [
    path("", door.people, name="demo"),
    path("sign-in/<slug:slug>/", door.sign_in, name="demo-sign-in"),
    path("lively/", door.set_lively, name="demo-lively"),
    path("guide/", guide.door, name="demo-guide"),
    path("shop/", shop.shop, name="demo-shop"),
    path("phone/", phone.choose, name="demo-phones"),
    path("phone/<phone:number>/", phone.home, name="demo-phone"),
    path("phone/<phone:number>/<slug:line>/", phone.thread, name="demo-phone-thread"),
    path("phone/<phone:number>/<slug:line>/news/", phone.news, name="demo-phone-news"),
    path("phone/<phone:number>/<slug:line>/weather/", phone.weather, name="demo-phone-weather"),
    path("phone/<slug:line>/file/<str:key>/", phone.file, name="demo-phone-file"),
    path("mailbox/", mailbox.choose, name="demo-mailboxes"),
    path("mailbox/<str:who>/", mailbox.folder, name="demo-mailbox"),
    path("mailbox/<str:who>/news/", mailbox.news, name="demo-mailbox-news"),
    path("mailbox/<str:who>/write/", mailbox.write, name="demo-mailbox-write"),
    path("mailbox/<str:who>/<box:box>/", mailbox.folder, name="demo-mailbox-box"),
    path(MAIL, mailbox.mail, name="demo-mail"),
    path(f"{MAIL}whole/", mailbox.whole, name="demo-mail-whole"),
    path(f"{MAIL}file/<int:number>/", mailbox.file, name="demo-mail-file"),
]
