"""Words by which the rules of the packet read a thread, in English and Vietnamese, by kind."""

from __future__ import annotations

from typing import Final

from conversations.gist.lexicon import words

ENGLISH: Final = {
    "fine": {
        0: """
            thanks in advance | thank you in advance | thanking you in advance | no problem
            | no need | right now we | please find attached | please find | worst case
        """
    },
    "ask": {
        0: """
            can you | could you | can i | could i | can we | could we | would you | will you
            | please
            | i want | i need | i would like | i 'd like | we need | we want | we would like
            | we 'd like | how do i | how can i | how do we | how much | how long | when will
            | when do | when can | where is | where are | why | is it possible | do you | does it
            | is there | are there | i demand | cancel my | refund me | exchange it | send me
            | what is | which | tell me | help me | wondering if | would it be possible | i wish to
            | i request | i insist | i expect | i 'd love | we 'd love | i would love | any news
            | any update | any eta | keen to | escalate | i must have
        """
    },
    "sorry": {
        0: "sorry | apologise | apologize | apologies | sad to | i understand | we understand"
    },
    "problem": {
        0: """
            broken | not working | doesn't work | does not work | stopped | wrong | missing | late
            | damaged | still | never | hasn't | haven't | didn't arrive | error | failed | down
            | leaks | can't | cannot | stuck | lost | faulty | crashed | crashes | charged
        """
    },
    "greeting": {
        0: """
            hi | hello | hey | dear | good morning | good afternoon | good evening | hi team
            | is anyone there | anyone there | are you there | anybody there | hope this finds you
            | hope you are well | how are you | kind regards | best regards | regards | best wishes
            | sincerely | ok | okay | yes | no | well | so
        """
    },
    "thanks": {
        0: """
            thank you | thanks | thx | many thanks | appreciate | grateful | you are great
            | very helpful | perfect | brilliant | wonderful | lovely
        """
    },
    "angry": {
        0: """
            ridiculous | unacceptable | terrible | awful | horrible | angry | furious | scam
            | fraud | complaint | complain | lawyer | worst | disappointed | disappointing | fed up
            | disgusting | disgrace | useless | not happy | unhappy | outrageous | incompetent
            | sick of | joke | never again | appalling | frustrated | frustrating | shameful
            | no one answers | nobody answers | pathetic | rubbish | had enough
            | are you kidding | are you serious | explained twice | explain it again
            | explain this again | explain everything again | how many times
        """
    },
    "urgent": {
        0: """
            urgent | urgently | asap | as soon as possible | immediately | right away | right now
            | emergency | at once | can't wait | cannot wait | in a hurry | very soon
        """
    },
    "have": {0: "have | has | 've | i | we | was | were | been | just | already | and"},
    "did": {
        0: """
            done | called | checked | asked | sent | refunded | reset | offered | ordered
            | cancelled | canceled | shipped | opened | passed | escalated | forwarded | confirmed
            | received | replaced | spoke | spoken | contacted | emailed | created | issued | booked
            | fixed | changed | updated | added | removed | tested | tried | arranged | informed
            | told | explained | found | reported | moved | closed | activated | verified | logged
            | credited | paid | posted | processed | registered | requested | scheduled
            | transferred | wrote | written | collected | repaired | resolved | restarted | reviewed
            | unlocked | extended | renewed | corrected | applied | raised | submitted | chased
            | phoned | rang | left | attached | enabled | disabled | restored | upgraded | rebooked
        """
    },
    "boiler": {
        0: """
            received your message | received your email | received your request | thanks for
            | thank you for | you have asked | you asked | you told | you have sent | you sent
            | received your mail | noted your
        """
    },
    "to_do": {
        0: """
            needs | need to | need a | must | should | waiting for | wait for | todo | to do | next
            | follow up | remember to | don't forget | have to | has to | still open | to be done
            | pending | awaiting | please | ask him | ask her | call back | ring back
        """
    },
    "holding": {
        0: """
            let me check | let me ask | let me look | let me find | one moment | a moment
            | 'm checking | am checking | are checking | 're checking | looking into | 'll check
            | will check | bear with | be back to you | get back to you | come back to you
            | 'll ask | will ask | will write to you | 'll write to you | look into | find out
            | 'll let you know | will let you know | have passed your question
        """
    },
    "else": {
        0: """
            anything else | something else | how was | did that help | does that help
            | is that ok | happy with | further questions | more questions
        """
    },
}

VIETNAMESE: Final = {
    "fine": {0: "cảm ơn trước | ngay cả | ngay từ | không cần | không sao | sao cũng được"},
    "ask": {
        0: """
            muốn | cần | cho hỏi | cho mình hỏi | cho em hỏi | cho chị hỏi | cho anh hỏi
            | cho tôi hỏi | giúp | giùm | dùm | yêu cầu | đề nghị | bao giờ | khi nào | mấy giờ
            | bao lâu | bao nhiêu | ở đâu | tới đâu | đến đâu | đâu rồi | làm sao | thế nào
            | như thế nào | như nào | được không | có phải | có được | tại sao | vì sao | sao
            | mấy năm | mấy ngày | xin | nhờ | vui lòng | hoàn tiền cho | hủy đơn | huỷ đơn
            | gửi lại | đổi lại | kiểm tra lại | cho mình | cho chị | cho anh | cho em | cho tôi
            | cho tui | được hong | được hông | được ko | đc không | dc ko | đâu shop | đâu vậy
            | đâu ạ | sao rồi | tới chưa | hay không | phải không | có không | không vậy
        """
    },
    "sorry": {0: "xin lỗi | rất tiếc | rất mong | thông cảm | đã chia sẻ"},
    "problem": {
        0: """
            hỏng | lỗi | hư | bể | vỡ | sai | thiếu | nhầm | trễ | chậm | chưa nhận | chưa thấy
            | chưa giao | không vào được | không được | không dùng được | mất | vẫn chưa | kêu to
            | không lên | bị
        """
    },
    "greeting": {
        0: """
            dạ | alo | chào | xin chào | shop ơi | ad ơi | em ơi | anh ơi | chị ơi | bạn ơi
            | có ai không | có ai ở đó không | ok | vâng | ừ | à | ơi | kính gửi | trân trọng
            | rồi | đây ạ | đây em
        """
    },
    "thanks": {0: "cảm ơn | cám ơn | tks | thanks | cảm ơn nhiều | tuyệt vời | hài lòng lắm"},
    "angry": {
        0: """
            bực | tức | bực mình | thất vọng | lừa đảo | tệ | quá tệ | quá đáng | khiếu nại | kiện
            | bức xúc | chán | vô trách nhiệm | làm ăn kiểu gì | làm ăn kiểu | không hài lòng
            | không chấp nhận được | lừa | mất uy tín | tồi | kém | coi thường | chịu hết nổi
            | hết kiên nhẫn | bó tay | tẩy chay | đòi kiện | bóc phốt | giải thích hai lần
            | giải thích lại | giải thích mấy lần | bao nhiêu lần
        """
    },
    "urgent": {
        0: """
            gấp | cần gấp | khẩn | khẩn cấp | ngay | ngay lập tức | lập tức | liền
            | càng sớm càng tốt
            | sớm nhất có thể | gấp lắm | rất gấp | đang vội
        """
    },
    "did_vi": {0: "đã | vừa | vừa mới | mới | xong rồi"},
    "boiler": {
        0: """
            nhận được tin nhắn | nhận được yêu cầu | đã nhận thông tin | đã nhận được thông tin
            | nhận được email | đã liên hệ với | đã quan tâm | đã tin tưởng | đã thông cảm
            | đã chờ | đã ủng hộ | đã phản ánh
        """
    },
    "to_do": {
        0: "cần | chờ | đợi | phải | tiếp theo | nhớ | theo dõi | còn phải | chưa làm | sẽ | nhờ"
    },
    "holding": {
        0: """
            để em kiểm tra | để mình kiểm tra | để em hỏi | chờ em | đợi em | em kiểm tra rồi
            | em kiểm tra lại | chờ chút | đợi chút | chờ mình | đợi mình | báo lại | sẽ báo
            | đang kiểm tra | phản hồi lại | trả lời lại | kiểm tra rồi báo | xin phép kiểm tra
        """
    },
    "else": {0: "cần hỗ trợ gì thêm | còn gì nữa không | cần gì thêm | hỗ trợ gì nữa"},
}

# Without its signs "ngay" is as often "day".
UNSIGNED: Final = {"fine": {0: "ngay | sao | cho | moi | can | sai | chao"}}

# What a customer begins a sentence with who tells us to do something.
ORDERS: Final = words("""
    cancel send refund fix call change delete stop give return exchange update remove answer replace
    repair ship close reset resend confirm tell explain check help show add let make
""")
LEADS: Final = words("and also then so just no now ok please")
# What ends like something done, and isn't.
NOT_DONE: Final = words("need indeed speed feed seed exceed proceed succeed based red bed used")

# Words too common to say what a sentence is about.
COMMON: Final = words("""
    a an the i you we he she it they my your our me us is are was were be been do does did can could
    will would please to of in on at for and or but so when where why what how who which this that
    with from have has had not no s m re ll d t ve any there ok also too yet still now
    anh chị em bạn mình tôi shop ơi ạ à nhé nha với cho của có không được là thì mà và rồi chưa vậy
    giúp muốn cần đi lại này đó gì sao bao giờ khi nào ở đâu hỏi xin dạ bên ad luôn ngay
""")
