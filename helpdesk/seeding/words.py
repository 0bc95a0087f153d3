"""What made-up customers and agents write: English and Vietnamese words, a few of them everywhere,
most of them hardly ever (Zipf's law), so that a search has common and rare words to look for."""

from __future__ import annotations

import random
from itertools import accumulate, product
from typing import Final

TAIL: Final = 12_000
PHRASES: Final = 20_000


def _words(text: str) -> list[str]:
    return text.split()


ENGLISH: Final = _words(
    "the to and is my not for order with please you have was this it but can payment we account "
    "are when your on in delivery still refund would invoice card from email about after help "
    "number thanks received hello password package address cancel subscription change shipping "
    "price broken return product today yesterday week days phone app error login page screen "
    "update warranty receipt confirm wrong size colour discount code store driver waiting signed "
    "courier charged twice bank transfer missing item replacement manual battery charger cable "
    "support team answer question problem solved again never always quickly soon morning evening "
    "contract renewal upgrade plan monthly yearly billing tax company export report printer "
    "keyboard monitor laptop router signal connection slow crash install settings language"
)
VIETNAMESE: Final = _words(
    "tôi và là của không có được đơn hàng cho với anh chị em bạn đã chưa này xin cảm ơn giao "
    "nhận thanh toán tiền hoàn lại sản phẩm khi nào hôm nay qua mai gửi giúp mình tài khoản mật "
    "khẩu đăng nhập lỗi điện thoại địa chỉ đổi trả hàng bảo hành hóa đơn thẻ ngân hàng chuyển "
    "khoản phí vận chuyển giá khuyến mãi mã giảm cửa hàng nhân viên tư vấn khách hỗ trợ gấp chậm "
    "sai kích cỡ màu hỏng vỡ thiếu đủ kiểm tra xác nhận hủy mua bán thử dùng cập nhật ứng dụng "
    "máy tính pin sạc cáp màn hình mạng kết nối cài đặt hợp đồng gia hạn gói cước tháng năm tuần "
    "sáng chiều tối sớm muộn vui lòng trả lời câu hỏi vấn đề xong rồi vẫn chờ"
)
FAMILY: Final = _words(
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Smith Jones Brown "
    "Taylor Wilson Davies Evans Thomas Johnson Roberts Walker Wright Robinson Thompson White"
)
GIVEN: Final = _words(
    "An Anh Bình Châu Cường Dung Dũng Đức Giang Hà Hải Hằng Hiếu Hoa Hùng Hương Khánh Lan Linh "
    "Long Mai Minh Nam Nga Ngọc Nhung Phong Phúc Quang Quỳnh Sơn Thảo Thu Trang Tuấn Vy Alice "
    "Ben Clara Daniel Emma Frank Grace Henry Irene Jack Karen Liam Maria Noah Olivia Paul Rose"
)

_ONSETS: Final = _words("b c ch d đ g gi h kh l m n ng nh ph qu s t th tr v x")
_RIMES: Final = _words(
    "a á à ạ an án ạn anh ánh ao áo ay ây âm ấm ăn ắn ang áng e é ẹ em ém eo ê ế ên iên iếng iệt "
    "ô ố ộ ôn ông ống ơ ớ ợ ơn u ú ụ ung úng ư ứ ưng ương ướng ượng ươi uyên uyết ua ưa oa oá"
)
_STEMS: Final = _words(
    "lam ver tor min cal dex fer gan hol jun kel mor nal pel quin ros sel tam ur vin wes yar zen "
    "bran crel dro fli gre plo stra thri"
)
_ENDS: Final = _words("ia or et um ing ed er al is on ex ate ive ous ent ly ship ness ware")


class Words:
    """A vocabulary and texts of it; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        tail = self._tail()
        half = len(tail) // 2
        self._languages = [
            self._phrases(ENGLISH, tail[:half]),
            self._phrases(VIETNAMESE, tail[half:]),
        ]
        self._rare = tail

    def text(self, rng: random.Random, phrases: int) -> str:
        """A message: mostly phrases of one language, at times a word hardly anybody uses, or a code
        nobody else has."""
        said = rng.choices(self._languages[rng.random() < 0.5], k=phrases)
        dice = rng.random()
        if dice < 0.3:
            said.append(rng.choice(self._rare))
        if dice < 0.1:
            said.append(f"AB{rng.getrandbits(34):09d}")
        return ". ".join(said)

    def subject(self, rng: random.Random) -> str:
        return rng.choice(self._languages[rng.random() < 0.5]).capitalize()

    def name(self, rng: random.Random) -> str:
        return f"{rng.choice(FAMILY)} {rng.choice(GIVEN)}"

    def _phrases(self, core: list[str], tail: list[str]) -> list[str]:
        words = [*core, *tail]
        weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
        choose = self._rng.choices
        return [
            " ".join(choose(words, cum_weights=weights, k=self._rng.randint(4, 8)))
            for _ in range(PHRASES)
        ]

    def _tail(self) -> list[str]:
        """Words that are rare each: English-looking ones first, then Vietnamese compounds."""
        syllables = ["".join(pair) for pair in product(_ONSETS, _RIMES)]
        english = {"".join(parts) for parts in product(_STEMS, _STEMS, _ENDS)}
        return [
            *self._rng.sample(sorted(english), TAIL),
            *(" ".join(self._rng.choices(syllables, k=2)) for _ in range(TAIL)),
        ]
