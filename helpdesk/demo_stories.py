"""What has happened in the demo's desk before a newcomer opens it: people, and what was said.

Each line of a story is (hours ago, who, text): "<" the customer, ">" the agent, "#" an internal note.
"""

from __future__ import annotations

from dataclasses import dataclass

Line = tuple[float, str, str]


@dataclass(frozen=True)
class Story:
    name: str
    address: str
    subject: str
    lines: tuple[Line, ...]
    team: str = "Support"
    then: str = ""


STORIES = (
    Story(
        "Maya Kowalski",
        "maya",
        "Return for order 10433",
        (
            (
                5.2,
                "<",
                "Hello,\n\nI sent the jacket back on Friday (order 10433). When will I see the money?"
                "\n\nMaya",
            ),
            (4.9, "#", "Warehouse confirmed RMA 7781. The refund is above my limit."),
            (
                4.8,
                ">",
                "Hi Maya,\n\nthe jacket arrived this morning, thank you. I am checking the refund with"
                " billing and will write again today.",
            ),
            (0.2, "<", "Thanks. Could you tell me roughly when? I need it before the weekend."),
        ),
    ),
    Story(
        "Nguyễn Thị Hương",
        "huong",
        "Đơn hàng 20817 chưa giao",
        (
            (
                3.1,
                "<",
                "Chào shop,\n\nĐơn hàng 20817 của em đặt từ thứ hai mà đến giờ vẫn chưa thấy giao. Anh chị"
                " kiểm tra giúp em với ạ.\n\nEm cảm ơn,\nHương",
            ),
            (
                2.7,
                ">",
                "Chào chị Hương,\n\nem đã gọi bên vận chuyển, đơn đang ở kho Thủ Đức và sẽ giao trong chiều"
                " nay. Chị để ý điện thoại giúp em nhé.",
            ),
            (0.6, "<", "Dạ shipper vừa gọi rồi ạ, em cảm ơn!"),
        ),
    ),
    Story(
        "Jonas Oyelaran",
        "jonas",
        "Invoice 4471: wrong VAT id",
        (
            (
                9.5,
                "<",
                "Good morning,\n\ninvoice 4471 carries our old VAT id. Please issue it again with"
                " DE 811 234 567, our accountant can't book it otherwise.\n\nJonas Oyelaran",
            ),
        ),
        team="Billing",
    ),
    Story(
        "Priya Sharma",
        "priya",
        "Replacement for the broken lamp",
        (
            (
                52,
                "<",
                "The lamp arrived with a crack in the base. Photos are attached to my order page.",
            ),
            (
                50,
                ">",
                "Hi Priya,\n\nI am sorry about that. A replacement leaves our warehouse tomorrow; you"
                " need not send the broken one back.",
            ),
        ),
    ),
    Story(
        "Trần Văn Dũng",
        "dung",
        "Hỏi về bảo hành máy pha cà phê",
        (
            (
                26,
                "<",
                "Cho tôi hỏi máy pha cà phê mua tháng 3 bị rò nước thì bảo hành ở đâu? Tôi ở Đà Nẵng.",
            ),
            (25.5, "#", "Trung tâm Đà Nẵng: 12 Lê Duẩn, nhận máy đến 17:00."),
        ),
    ),
    Story(
        "Tomás Lindqvist",
        "tomas",
        "Changing my plan",
        (
            (30, "<", "I would like to move from Pro to Basic from next month. What do I lose?"),
            (
                29,
                ">",
                "Hi Tomás,\n\nyou keep all data; shared folders become read-only. Shall I switch it on"
                " the first?",
            ),
            (28, "<", "Yes, please do."),
            (27.5, ">", "Done: Basic starts on the first. You can change back at any time."),
        ),
        then="resolved",
    ),
    Story(
        "Amélie Laurent",
        "amelie",
        "Delivery to a parcel shop",
        (
            (
                1.4,
                "<",
                "Bonjour,\n\ncan my parcel go to the parcel shop in rue Oberkampf instead of my home? I"
                " am away until Thursday.\n\nMerci,\nAmélie",
            ),
        ),
    ),
    Story(
        "Kenji Watanabe",
        "kenji",
        "Cannot sign in since yesterday",
        (
            (
                0.9,
                "<",
                "Since yesterday the app says my code is wrong, also with a fresh one. The clock of my"
                " phone is right. Can you help me before my shift at six?",
            ),
        ),
    ),
    Story(
        "Lê Minh Anh",
        "minhanh",
        "Xuất hoá đơn cho công ty",
        (
            (
                7,
                "<",
                "Anh chị xuất giúp em hoá đơn cho đơn 20791 theo thông tin công ty em gửi hôm trước nhé.",
            ),
        ),
        team="Billing",
    ),
    Story(
        "Fatima Haddad",
        "fatima",
        "Two charges for one order",
        (
            (20, "<", "I see two charges of 84.20 on my card for order 10398. I ordered once!"),
            (19, "#", "Second one is an authorisation that lapses in 3 days, not a charge."),
            (
                18.8,
                ">",
                "Hello Fatima,\n\nthe second line is only a reservation by your bank. It disappears"
                " by itself within three days; please write if it doesn't.",
            ),
        ),
        team="Billing",
    ),
)
