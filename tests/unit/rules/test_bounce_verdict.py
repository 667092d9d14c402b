"""What codes and words of a returned letter mean."""

from __future__ import annotations

import pytest

from posthouse.model.returned import BounceClass, Returned, ReturnedKind, ReturnedRecipient
from posthouse.rules.bounce_verdict import judged
from posthouse.rules.phrases import GAP_MAX, occurs, parse_phrase, plain_words


def verdict(code: int, enhanced: str, text: str) -> tuple[str, BounceClass]:
    one = ReturnedRecipient("bob@example.net", code=code, enhanced=enhanced, text=text)
    found = judged(Returned(ReturnedKind.BOUNCE, (one,))).recipients[0]
    return found.reason, found.bounce_class


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "reason"),
    [
        pytest.param(550, "5.1.1", "mailbox full", "bad-mailbox", id="the status wins over the text"),
        pytest.param(550, "5.0.0", "mailbox full", "mailbox-full", id="a general status does not"),
        pytest.param(450, "5.1.2", "", "bad-domain", id="the status wins over the code"),
        pytest.param(450, "", "User unknown", "temporary", id="a temporary code never makes an address bad"),
        pytest.param(450, "4.1.1", "User unknown", "temporary", id="nor does a temporary status"),
        pytest.param(552, "5.1.1", "over quota (#5.1.1)", "mailbox-full", id="552 speaks of room"),
        pytest.param(550, "", "", "rejected", id="a bare 550 says nothing about the mailbox"),
        pytest.param(421, "", "", "temporary", id="a bare 421 is temporary"),
        pytest.param(0, "", "", "rejected", id="nothing at all"),
        pytest.param(550, "5.7.1", "dmarc@example.net: user unknown", "bad-mailbox", id="names are no words"),
        pytest.param(554, "5.7.1", "blocked using zen.spamhaus.org", "policy-block", id="a block list"),
        pytest.param(550, "5.7.26", "", "unauthenticated", id="RFC 7372"),
        pytest.param(550, "5.2.1", "account is disabled", "mailbox-disabled", id="disabled"),
        pytest.param(
            550, "5.4.1", "Recipient address rejected: Access denied.", "bad-mailbox", id="Exchange"
        ),
        pytest.param(0, "4.4.7", "", "expired", id="tried too long"),
        pytest.param(0, "5.4.6", "", "loop", id="a loop"),
        pytest.param(552, "5.3.4", "", "too-large", id="too large"),
    ],
)
def test_reasons(code: int, enhanced: str, text: str, reason: str) -> None:
    assert verdict(code, enhanced, text)[0] == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Empfänger unbekannt", "bad-mailbox"),
        ("Das Postfach ist voll", "mailbox-full"),
        ("Utilisateur inconnu", "bad-mailbox"),
        ("La boîte aux lettres est pleine", "mailbox-full"),
        ("Usuario desconocido", "bad-mailbox"),
        ("El buzón está lleno", "mailbox-full"),
        ("O usuário não existe", "bad-mailbox"),
        ("A caixa postal está cheia", "mailbox-full"),
        ("Utente sconosciuto", "bad-mailbox"),
        ("La casella è piena", "mailbox-full"),
        ("Onbekende gebruiker", "bad-mailbox"),
        ("Nieznany użytkownik", "bad-mailbox"),
        ("Skrzynka jest pełna", "mailbox-full"),
        ("Uživatel neexistuje", "bad-mailbox"),
        ("Пользователь не найден", "bad-mailbox"),
        ("Почтовый ящик переполнен", "mailbox-full"),
        ("Скринька переповнена", "mailbox-full"),
        ("Bilinmeyen kullanıcı", "bad-mailbox"),
        ("Okänd mottagare", "bad-mailbox"),
        ("Modtageren findes ikke", "bad-mailbox"),
        ("Mottakeren finnes ikke", "bad-mailbox"),
        ("Tuntematon vastaanottaja", "bad-mailbox"),
        ("A címzett nem létezik", "bad-mailbox"),
        ("Adresa nu există", "bad-mailbox"),
        ("Ο χρήστης δεν υπάρχει", "bad-mailbox"),
        ("ユーザーが存在しません", "bad-mailbox"),
        ("メールボックスがいっぱいです", "mailbox-full"),
        ("收件人不存在", "bad-mailbox"),
        ("邮箱已满", "mailbox-full"),
        ("查無此人", "bad-mailbox"),
        ("존재하지 않는 사용자입니다", "bad-mailbox"),
        ("المستلم غير موجود", "bad-mailbox"),
        ("המשתמש לא קיים", "bad-mailbox"),
        ("Người nhận không tồn tại", "bad-mailbox"),
        ("ไม่พบผู้รับ", "bad-mailbox"),
        ("Penerima tidak ditemukan", "bad-mailbox"),
    ],
)
def test_words_of_many_languages(text: str, reason: str) -> None:
    assert verdict(550, "5.0.0", text)[0] == reason


def test_a_complaint_is_not_judged() -> None:
    returned = Returned(ReturnedKind.COMPLAINT, (ReturnedRecipient("bob@example.net"),))
    assert judged(returned) == returned


def test_a_gap_in_a_phrase_is_bounded() -> None:
    phrase = parse_phrase("mailbox * full")
    assert occurs(phrase, plain_words("The mailbox of Bob is full."))
    assert not occurs(phrase, plain_words("mailbox " + "x" * (GAP_MAX + 1) + " full"))
    assert not occurs(phrase, plain_words("full mailbox"))


@pytest.mark.parametrize("text", ["", "a~b", "~", "full *", "* full", "!!"])
def test_a_bad_phrase_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a tilde ends a part"):
        parse_phrase(text)
