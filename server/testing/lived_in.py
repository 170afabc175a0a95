"""What people say in a tenant that `builders` makes: names, questions and answers, quotes, errors. Vietnamese first."""

from __future__ import annotations

FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô")
MIDDLE = ("Thị", "Văn", "Minh", "Thu", "Đức", "Hồng", "Quang", "Ngọc")
GIVEN = ("Lan", "Hòa", "Tâm", "Ánh", "Dũng", "Hạnh", "Phương", "Tuấn", "Yến", "Khánh")
FIRST = ("Amelia", "Oliver", "Zoë", "George", "Isla", "Noah", "Priya", "Mohammed", "Siân", "Thomas")
LAST = ("Smith", "O’Brien", "Patel", "Jones", "Nowak", "Williams", "Hughes", "Khan", "Okafor", "Evans")
ASKED = {
    "vi": (
        ("Chị ơi, học phí lớp IELTS bao nhiêu ạ?", "Dạ, lớp IELTS 3 tháng là 4.200.000đ, đã gồm tài liệu ạ."),
        ("Cho em hỏi lớp tối mấy giờ bắt đầu?", "Dạ, lớp tối bắt đầu lúc 18 giờ 30, từ thứ hai đến thứ năm ạ."),
        ("Trung tâm mình ở đâu vậy ạ?", "Dạ, trung tâm ở 12 phố Huế, Hà Nội, có chỗ gửi xe ạ."),
        ("Em muốn cho bé học thử", "Dạ, bé học thử miễn phí một buổi. Chị muốn đến hôm nào ạ?"),
        ("Mai em đến được không?", "Dạ, ngày mai trung tâm mở từ 8 giờ đến 20 giờ ạ."),
    ),
    "en": (
        ("How much is a check-up?", "A check-up is £58. It takes half an hour."),
        ("Are you open on Saturdays?", "Yes, on Saturdays from 9 to 13."),
        (
            "My crown has come off, can somebody see me today?",
            "I’m sorry to hear that. I’m asking who can see you today.",
        ),
        ("Do you take children?", "Yes, from the age of three."),
        ("Could I move my appointment?", "Of course. Which day would suit you?"),
    ),
}
"""Language → questions with their answers."""
QUOTES = {
    "vi": {
        "hot": ("Em đóng tiền luôn hôm nay được không?", "Tuần này em phải bắt đầu học rồi"),
        "warm": ("Học phí như vậy là ổn với em", "Để em hỏi chồng em đã"),
        "cold": ("Em chỉ hỏi cho biết thôi",),
    },
    "en": {
        "hot": ("Can I pay today?", "I need it done this week"),
        "warm": ("That price is fine for me", "I’ll talk to my husband first"),
        "cold": ("Just asking for now",),
    },
}
SERVICES = {
    "vi": ("Học thử", "Lớp IELTS buổi tối", "Kiểm tra đầu vào"),
    "en": ("Check-up", "Hygienist", "Whitening consultation"),
}
ERRORS = (
    "63016: the contact has not written for 24 hours",
    "63024: invalid message recipient",
    "63016: the contact has not written for 24 hours",
)
TASK_ERRORS = ("HubSpot answered 401: the token has expired", "no answer within 10 s")
TEMPLATE_TEXT = "Chào Lan, bạn có lịch hẹn ngày mai lúc 9 giờ. Bạn đến được không?"
