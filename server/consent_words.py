"""Words that ask for no more messages, and for messages again, as the whole of what was written.

Small letters, NFC, one space between words, no marks around. Not among them: words that mean "cancel" (cancel, hủy,
cancelar, annuler, iptal, batal), because at a front desk they cancel a visit; and "dung", which is "dừng" typed without
marks, because it is a name. Both can be added as `opt_out.stop_words`.
"""

from __future__ import annotations

_STOP = {
    "en": ("stop", "stop all", "stopall", "unsubscribe", "opt out", "optout", "stop messages"),
    "vi": (
        "dừng", "dừng lại", "ngừng", "ngừng lại", "thôi nhận tin", "ngừng nhận tin", "dừng nhận tin", "không nhận tin nữa",
        "hủy đăng ký", "huỷ đăng ký", "dung lai", "ngung lai", "thoi nhan tin", "ngung nhan tin", "dung nhan tin",
        "khong nhan tin nua", "huy dang ky", "ngưng", "ngưng lại", "ngưng nhận tin", "hủy nhận tin", "huỷ nhận tin",
        "huy nhan tin", "từ chối nhận tin", "tu choi nhan tin",
    ),
    "es": ("parar", "pare", "detener", "baja", "darme de baja", "no más mensajes"),
    "pt": ("parar", "pare", "sair", "descadastrar", "remover inscrição"),
    "fr": ("arrêt", "arret", "arrêter", "arreter", "arrêtez", "se désabonner", "désabonner", "desabonner"),
    "de": ("stopp", "abmelden", "abbestellen", "keine nachrichten mehr"),
    "it": ("ferma", "fermare", "disiscriviti", "disiscrivimi", "annulla iscrizione"),
    "nl": ("stoppen", "afmelden", "uitschrijven"),
    "pl": ("zatrzymaj", "wypisz", "wypisz mnie"),
    "ru": ("стоп", "отписаться", "отпишите", "остановить"),
    "uk": ("відписатися", "зупинити"),
    "tr": ("dur", "durdur", "abonelikten çık"),
    "ar": ("توقف", "قف", "إيقاف", "ايقاف", "إلغاء الاشتراك", "الغاء الاشتراك"),
    "hi": ("रोकें", "रोको", "बंद करें", "बंद करो"),
    "id": ("berhenti", "berhenti berlangganan"),
    "ms": ("henti", "hentikan"),
    "tl": ("itigil", "tigil"),
    "th": ("หยุด", "ยกเลิกการรับข้อความ"),
    "km": ("ឈប់", "បញ្ឈប់"),
    "zh": ("停止", "退订", "退訂", "取消订阅", "取消訂閱"),
    "ja": ("停止", "ストップ", "配信停止"),
    "ko": ("중지", "그만", "수신거부", "수신 거부"),
}  # fmt: skip
_START = {
    "en": ("start", "unstop", "restart", "subscribe", "opt in", "optin"),
    "vi": ("bắt đầu", "bắt đầu lại", "đăng ký lại", "nhận tin", "nhận tin lại", "bat dau", "bat dau lai", "dang ky lai"),
    "es": ("iniciar", "empezar", "comenzar", "alta"),
    "pt": ("iniciar", "começar", "comecar", "voltar"),
    "fr": ("démarrer", "demarrer", "commencer", "reprendre"),
    "de": ("starten", "anfangen", "anmelden"),
    "it": ("inizia", "iniziare", "riprendi"),
    "nl": ("beginnen", "aanmelden"),
    "pl": ("zacznij", "wznów"),
    "ru": ("старт", "начать", "подписаться"),
    "uk": ("почати", "підписатися"),
    "tr": ("başla", "başlat"),
    "ar": ("ابدأ", "ابدا", "اشتراك"),
    "hi": ("शुरू", "शुरू करें", "शुरू करो"),
    "id": ("mulai", "mulai lagi"),
    "ms": ("mula", "mula semula"),
    "tl": ("simulan", "magsimula"),
    "th": ("เริ่ม", "เริ่มใหม่"),
    "km": ("ចាប់ផ្តើម",),
    "zh": ("开始", "開始", "恢复", "恢復", "订阅", "訂閱"),
    "ja": ("開始", "再開", "スタート"),
    "ko": ("시작", "다시 시작", "수신동의"),
}  # fmt: skip

STOP = frozenset(word for words in _STOP.values() for word in words)
START = frozenset(word for words in _START.values() for word in words)
LANGUAGES = tuple(_STOP)
