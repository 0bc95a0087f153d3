"""Words of time in English and Vietnamese, by kind and value.

Values are weekdays from 0 (Monday), days from today, and the names below.
"""

from __future__ import annotations

from typing import Final

MINUTE, HOUR, DAY, WORKDAY, WEEK, FORTNIGHT, MONTH, WEEKEND = range(8)
EARLY, MIDDLE, END = range(3)
FIRST_THING, MORNING, NOON, AFTER_LUNCH, AFTERNOON, EVENING, NIGHT, MIDNIGHT = range(8)

ENGLISH: Final = {
    "past": {0: "yesterday | last | previous | ago | earlier today | earlier this | in the past"},
    "day": {
        0: "today",
        1: "tomorrow | tmr | tmrw | tomorow",
        2: "the day after tomorrow | day after tomorrow",
    },
    "tonight": {0: "tonight"},
    "weekday": {
        0: "monday | mondays | mon",
        1: "tuesday | tues | tue",
        2: "wednesday | wed | weds",
        3: "thursday | thurs | thur | thu",
        4: "friday | fri",
        5: "saturday | sat",
        6: "sunday | sun",
    },
    "month": {
        1: "january | jan",
        2: "february | feb",
        3: "march | mar",
        4: "april | apr",
        5: "may",
        6: "june | jun",
        7: "july | jul",
        8: "august | aug",
        9: "september | sept | sep",
        10: "october | oct",
        11: "november | nov",
        12: "december | dec",
    },
    "part": {
        FIRST_THING: "first thing | first thing in the morning",
        MORNING: "morning",
        NOON: "noon | midday | lunch | lunchtime",
        AFTERNOON: "afternoon",
        EVENING: "evening | night",
        MIDNIGHT: "midnight",
    },
    "half_day": {0: "am | a.m. | a.m", 1: "pm | p.m. | p.m"},
    "h": {0: "h"},
    "oclock": {0: "o'clock | o ' clock"},
    "day_end": {
        0: "end of day | end of the day | end of business | end of business day | eod | cob | eob"
        " | close of business | close of play | end of the working day | end of the business day"
    },
    "unit": {
        MINUTE: "minute | minutes | min | mins",
        HOUR: "hour | hours | hr | hrs",
        DAY: "day | days | calendar days",
        WORKDAY: "business day | business days | working day | working days | workdays | workday",
        WEEK: "week | weeks",
        FORTNIGHT: "fortnight",
        MONTH: "month | months",
        WEEKEND: "weekend",
    },
    "edge": {
        EARLY: "early | the beginning of | beginning of | the start of | start of",
        MIDDLE: "mid | the middle of | middle of",
        END: "the end of | end of | late",
    },
    "number": {
        1: "a | an | one",
        2: "two | couple of | couple | a couple of",
        3: "three",
        4: "four",
        5: "five",
        6: "six",
        7: "seven",
        8: "eight",
        9: "nine",
        10: "ten",
        12: "twelve",
        14: "fourteen",
        15: "fifteen",
        20: "twenty",
        24: "twenty four",
        30: "thirty",
        48: "forty eight",
    },
    "few": {3: "few | a few"},
    "half": {30: "half an | half a"},
    "ordinal": {0: "st | nd | rd | th"},
    "this": {0: "this | coming | this coming"},
    "next": {0: "next | the next | the following"},
    "later": {0: "later | from now | from today | time | 's time | ' time"},
    "in": {0: "in | within | over | inside"},
    "by": {0: "by | no later than | not later than | at the latest | latest | up to | @"},
    "at": {0: "at | around | about | approximately"},
    "before": {0: "before | prior to | ahead of"},
    "until": {0: "until | till | til | from | since | starting"},
    "event": {0: "of | after | following | once | upon | when | as soon as"},
    "between": {0: "between"},
    "or": {0: "or | to | and | - | – | —"},
    "fill": {0: "on | the | , | of | sharp | during | for | ("},
    "colon": {0: ":"},
    "slash": {0: "/"},
    "dot": {0: "."},
}

VIETNAMESE: Final = {
    "past": {
        0: "hôm qua | hôm kia | bữa trước | hôm trước | tuần trước | tuần rồi | tuần qua"
        " | tháng trước | tháng rồi | năm ngoái | vừa rồi | vừa qua | cách đây | lúc nãy | hồi nãy"
        " | hôm nọ | trước đó | lần trước"
    },
    "day": {
        0: "hôm nay | bữa nay | ngày hôm nay",
        1: "ngày mai | mai | hôm sau | ngày hôm sau",
        2: "ngày kia | ngày mốt",
    },
    "tonight": {0: "tối nay | tối hôm nay", 1: "tối mai | tối ngày mai"},
    "now": {0: "nay"},
    "weekday": {
        0: "thứ hai | thứ 2 | t2",
        1: "thứ ba | thứ 3 | t3",
        2: "thứ tư | thứ 4 | t4",
        3: "thứ năm | thứ 5 | t5",
        4: "thứ sáu | thứ 6 | t6",
        5: "thứ bảy | thứ bẩy | thứ 7 | t7",
        6: "chủ nhật | cn",
    },
    "part": {
        FIRST_THING: "sáng sớm | đầu giờ sáng",
        MORNING: "sáng | buổi sáng",
        NOON: "trưa | buổi trưa",
        AFTER_LUNCH: "đầu giờ chiều | đầu chiều",
        AFTERNOON: "chiều | cuối giờ chiều | cuối chiều | buổi chiều",
        EVENING: "tối | buổi tối",
        NIGHT: "đêm | khuya",
    },
    "h": {0: "giờ"},
    "half_past": {30: "rưỡi"},
    "day_end": {0: "cuối ngày | hết ngày | cuối giờ | hết giờ làm việc | cuối giờ làm việc"},
    "unit": {
        MINUTE: "phút | p | ph",
        HOUR: "tiếng | tiếng đồng hồ",
        WORKDAY: "ngày làm việc",
        DAY: "ngày | hôm",
        WEEKEND: "cuối tuần",
        WEEK: "tuần",
        MONTH: "tháng | thg",
    },
    "year": {0: "năm"},
    "edge": {EARLY: "đầu", MIDDLE: "giữa", END: "cuối | hết"},
    "number": {
        1: "một",
        2: "hai",
        3: "ba",
        4: "bốn",
        5: "năm",
        6: "sáu",
        7: "bảy | bẩy",
        8: "tám",
        9: "chín",
        10: "mười",
        15: "mười lăm",
        20: "hai mươi",
        24: "hai mươi tư | hai mươi bốn",
        30: "ba mươi",
        48: "bốn mươi tám",
    },
    "few": {3: "vài | mấy | dăm"},
    "half": {30: "nửa"},
    "this": {0: "này"},
    "next": {0: "sau | tới | kế tiếp | tiếp theo | tiếp | sắp tới"},
    "later": {0: "nữa | kể từ hôm nay | tính từ hôm nay | từ hôm nay | kể từ bây giờ | từ giờ"},
    "in": {0: "trong vòng | trong | trong khoảng"},
    "by": {
        0: "chậm nhất | trễ nhất | muộn nhất | không quá | tối đa | chậm nhất là | trễ nhất là"
        " | muộn nhất là"
    },
    "at": {0: "lúc | khoảng | tầm | cỡ | vào lúc | vào khoảng | khoảng tầm"},
    "before": {0: "trước"},
    "until": {0: "cho đến | cho tới | từ"},
    "event": {0: "kể từ | kể từ khi | tính từ | từ khi | sau khi | từ lúc | từ ngày | khi"},
    "or": {0: "đến | hoặc | hay"},
    "fill": {0: "vào | buổi | đúng | là | ngay | luôn | hôm | mùng | mồng"},
}

# Typed without their signs, tới, tối and tôi are one word, and so are sau and sáu.
UNSIGNED: Final = {
    "next_unit": {WEEK: "tuần tới | tuần sau", MONTH: "tháng tới | tháng sau"},
    "weekday": {4: "thứ sáu"},
    "next": {0: "sau"},
}
