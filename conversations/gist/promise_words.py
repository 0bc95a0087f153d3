"""Words that tell who will do something, in English and Vietnamese, by kind and value.

The value of a commitment is how sure it is, in hundredths.
"""

from __future__ import annotations

from typing import Final

from conversations.gist.lexicon import spelled, words

# Of those who speak a language without tenses, a verb alone may be meant for the future.
NO_TENSE: Final = 1

REGULAR: Final = words("""
    ship dispatch deliver arrive refund credit process issue fix resolve repair replace call
    phone ring email mail reply answer respond contact update confirm check look investigate
    collect pick install visit return transfer pay reimburse cancel close reopen activate
    restore complete finish sort schedule book prepare upload reach provide share forward
    escalate inform notify message text ping review correct adjust extend move post release
    publish approve settle attach chase follow remove enable reset renew exchange start
""")

ENGLISH: Final = {
    "fine": {
        0: """
            let me know | let us know | no later than | not later than | not only | as soon as
            possible | no worries
        """,
    },
    "will": {
        90: """
            will make sure | 'll make sure | will see that | 'll see that | will | 'll | shall |
            going to | gonna
        """,
    },
    "us": {
        0: """
            i | we | our team | the team | my colleague | a colleague | our colleague | someone
            | somebody | one of us | technician | engineer | engineers | courier | driver |
            department | warehouse | manager | specialist | support team | billing | billing
            team | tech | techs | technicians | couriers | installer | fitter | plumber |
            electrician | mechanic | supervisor | accounts | colleagues | the office | the shop
            | the store | representative | rep | agent | advisor | adviser
        """,
    },
    "you": {
        0: "you | u",
    },
    "they": {
        0: "he | she | they | customer | client | buyer | the customer | the client",
    },
    "it": {
        0: "it | this | that | there",
    },
    "act": {
        0: """
            send | sends | sent | write | written | get back | come back | be back | bring | go
            out | be ready | ready | be with you | be at | be there | be here | come | done |
            paid | take | make | put | shipped | shipping | let you know | give | gets back |
            arrange | be online | be live | go live | go | goes | be on site | be done | be
            fixed | be in your | be on your | be on its way | leave | leaves | get it | get this
            | get that | get you | land | turn up | be sent | be resolved | speak | talk | meet
            | see you | show | drop | hand | swap | redo | credit you | open | tell | say | ask
            | look after | sign
        """
        + "|"
        + spelled(REGULAR),
    },
    "get": {
        0: """
            hear | receive | get | have | see | be contacted | be called | be refunded | be
            notified | be informed | be credited | be able to | find | be reimbursed
        """,
    },
    "doing": {
        75: """
            am sending | 'm sending | are sending | 're sending | am shipping | 'm shipping |
            are shipping | 're shipping | am calling | 'm calling | are calling | 're calling |
            am writing | 'm writing | are processing | 're processing | are refunding | 're
            refunding | are delivering | 're delivering | am bringing | 'm bringing | are
            replacing | 're replacing | am emailing | 'm emailing
        """,
    },
    "vow": {
        85: "promise | guarantee | commit to | promise to",
        65: "plan to | aim to | intend to | expect to | are aiming to | 're aiming to",
        55: "try to | will try | 'll try | will do our best | 'll do my best | hope to",
    },
    "let": {
        80: "let me | let us",
    },
    "give": {
        70: "give me | give us | allow me | allow us | bear with me | bear with us",
    },
    "can": {
        50: "can",
    },
    "should": {
        55: "should",
    },
    "expect": {
        70: "expect | can expect",
    },
    "not": {
        0: """
            not | n't | 't | never | cannot | unable | no longer | nobody | no one | won't |
            can't | don't | doesn't | didn't | isn't | aren't | wouldn't
        """,
    },
    "maybe": {
        0: """
            might | may | could | would | 'd | maybe | perhaps | wish | i see that | i
            understand that | you said | you told | told me | told us | you mentioned | i know
            that | says that | i heard | you wrote
        """,
    },
    "if": {
        0: "if | unless | in case | provided",
    },
    "when": {
        0: "once | when | whenever | after we | after you | as soon as | after it | until",
    },
    "ask": {
        0: """
            please | kindly | make sure | remember to | need to | have to | must | will need |
            'll need | will have to | 'll have to | will require | will be charged | 'll be
            charged | will be asked | needs to | has to
        """,
    },
    "closed": {
        0: """
            be open | are open | is open | open from | open until | open again | be closed | are
            closed | is closed | opening hours | business hours are | office hours | be out of |
            am out of | be away | am away | be off | be on leave | on vacation | on holiday |
            out of office | be available | am available | are available | be unavailable | be
            waiting | be happy | be glad | look forward | looking forward | be in the office |
            be on holiday | be travelling
        """,
    },
    "and": {
        0: "and | but | so | then | ; | because | which | – | —",
    },
    "comma": {
        0: ", | :",
    },
}

VIETNAMESE: Final = {
    "fine": {
        0: """
            không quá | không chậm hơn | không muộn hơn | sớm nhất có thể | không sao | ngày làm
            việc | cho bên mình | không chỉ
        """,
    },
    "will": {
        90: "sẽ",
    },
    "us": {
        NO_TENSE: """
            em | mình | tôi | tớ | shop | bên em | bên mình | bên tôi | bên shop | chúng tôi |
            chúng em | chúng mình | bọn em | bọn mình | tụi em | tụi mình | công ty | đội | team
            | kỹ thuật | kỹ thuật viên | nhân viên | bộ phận | kế toán | kho | shipper | bưu tá
            | đơn vị vận chuyển | ad | admin | cửa hàng | quản lý | đồng nghiệp | bạn đồng
            nghiệp | ngân hàng | bác tài | sếp | quản lí | bên kho | bên kế toán | bên kỹ thuật
            | nhà xe | tài xế | thợ | bên vận chuyển | bạn shipper | anh shipper | bạn nhân viên
        """,
    },
    "you": {
        0: """
            anh | chị | bạn | quý khách | anh chị | anh / chị | cô | chú | bác | các bạn | a | c
            | ac | quý vị | quý anh chị
        """,
    },
    "they": {
        0: "khách | khách hàng | người mua | bên khách | anh khách | chị khách | bạn khách",
    },
    "get": {
        0: "nhận | nhận được | được | có | thấy | nghe",
    },
    "do": {
        80: """
            gửi | gởi | gọi | báo | nhắn | chuyển | giao | ship | kiểm tra | check | xử lý |
            phản hồi | trả lời | trả | hoàn | hoàn tiền | đổi | thay | sửa | khắc phục | cập
            nhật | update | liên hệ | liên lạc | xác nhận | confirm | qua | đến | tới | mang |
            đem | lắp | lắp đặt | bảo hành | hỗ trợ | giải quyết | làm | xuất | in lại | in hóa
            đơn | in vé | in nhãn | đăng | tạo | kích hoạt | mở lại | hủy | huỷ | đặt | ghé |
            lên đơn | đóng gói | đi đơn | gửi lại | gọi lại | báo lại | nhắn lại | trao đổi |
            thông báo | inbox | alo | bàn giao | điều chỉnh | ký | xong | hoàn thành | hoàn tất
            | về | có mặt | có hàng | thanh toán | cấp | mở khóa | mở khoá | nhập | hỏi | hỏi
            lại | xem | tìm | giữ | chuẩn bị | mua | làm việc | nói chuyện | gặp | viết | soạn |
            scan | chụp | quay | đưa | bắt đầu | test | rà soát | tra | cho người | chuyển khoản
            | ck | rời kho | lên | rep lại | trả hàng | dời | sắp xếp | điều | cử | khắc phục
            xong | nạp | tặng | bù | đền | thu | xóa | xoá | gỡ | khóa | cắt | bố trí | liên hệ
            lại | phản hồi lại | kết nối | báo giá | ib | note | đẩy | up | upload | cấu hình |
            nâng cấp | bổ sung | hoàn trả | phát | chốt | tư vấn | feedback | rep | đón | lấy
        """,
    },
    "vow": {
        85: "hứa | cam kết | đảm bảo | bảo đảm | xin hẹn | hẹn | xin phép",
        60: "dự kiến | dự định | định | tính",
        55: "cố gắng | sẽ cố gắng | cố | ráng",
    },
    "give": {
        70: """
            chờ em | đợi em | chờ mình | đợi mình | chờ shop | đợi shop | chờ bên em | đợi bên
            em | chờ chút | cho em xin | cho em | cho mình | cho bên em | cho shop
        """,
    },
    "not": {
        0: """
            không | ko | kg | khong | k được | k có | k thể | k kịp | k giao | chưa | chẳng
            | hok | không thể | đừng | hết hạn
        """,
    },
    "maybe": {
        0: "có thể | có lẽ | chắc là | hy vọng | mong",
    },
    "if": {
        0: "nếu | trong trường hợp | trường hợp | nếu như | lỡ",
    },
    "when": {
        0: "khi | khi nào | sau khi | trước khi | lúc nào | một khi | ngay khi | tới khi",
    },
    "ask": {
        0: """
            vui lòng | nhờ | phiền | giúp em | giúp mình | giúp shop | giúp bên em | hộ em |
            giùm em | hãy | nhớ | sẽ cần | cần | phải | mong anh | mong chị | mong quý khách |
            xin vui lòng
        """,
    },
    "closed": {
        0: """
            mở cửa | đóng cửa | nghỉ | giờ làm việc | thời gian làm việc | làm việc từ | bận |
            đi vắng | nghỉ phép | nghỉ lễ | hoạt động từ | hoạt động
        """,
    },
    "done": {
        0: """
            đã | vừa | mới | vừa mới | đang đợi | đang chờ | hôm qua | hôm trước | hôm nọ | bữa
            trước | lần trước | lúc nãy | hồi nãy | có hẹn | tuần trước | tháng trước | sáng giờ
            | từ hôm
        """,
    },
    "then": {
        0: "rồi",
    },
    "and": {
        0: "và | nhưng | còn | thì | nên | mà | sau đó | để | chứ",
    },
}

# Behind these somebody is not the one who acts.
TOWARDS: Final = words("""
    cho với của giúp giùm hộ gặp gọi gửi gởi báo nhắn hẹn hứa lại về chờ đợi mời nhờ trả
    chuyển giao ship đến sang phía và cùng check cảm ơn xin to for with at by from of call
    email chúc ib rep inbox alo gui goi bao nhan hen voi giup
""")

TITLES: Final = words("chị anh cô em bạn bé ms mrs miss c")
