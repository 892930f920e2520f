"""Which languages can be read."""

import pytest
from pydantic import ValidationError

from reelwork.analyzers.builtin.text import TextSettings
from reelwork.analyzers.builtin.text.languages import READ_BY_RAPIDOCR, TESSERACT_NAMES
from reelwork.analyzers.builtin.text.models import Models

RAPIDOCR_NAMES = {"ch": "zh", "chinese_cht": "zh-Hant", "japan": "ja", "rs_latin": "sr-Latn"}
RAPIDOCR_SYNONYMS = {"french", "german"}
UNREADABLE = {"vi"}

# Beyond A to Z.
LETTERS = {
    "af": "áéèêëíîïóôúû",
    "az": "çəğıöşüÇƏĞİÖŞÜ",
    "bs": "čćđšž",
    "ca": "àçéèíïóòúü·",
    "cs": "áčďéěíňóřšťúůýž",
    "cy": "âêîôûŵŷ",
    "da": "æøåÆØÅ",
    "de": "äöüßÄÖÜ",
    "es": "áéíñóúü¿",
    "et": "äõöüšž",
    "eu": "ñç",
    "fi": "äöåÄÖÅ",
    "fr": "àâæçéèêëîïôœùûüÿÀÉÈÊÇŒ",
    "ga": "áéíóú",
    "gl": "áéíñóúü",
    "hr": "čćđšž",
    "hu": "áéíóöőúüűŐŰ",
    "is": "áðéíóúýþæöÐÞ",
    "it": "àèéìòù",
    "ja": "あいうえおかきくけこアイウエオカキクケコ日本語東京",
    "ku": "çêîşû",
    "la": "āēīōū",
    "lb": "äéë",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "mi": "āēīōū",
    "mt": "ċġħżàèìòù",
    "nl": "ëïéĳ",
    "no": "æøåÆØÅ",
    "oc": "àáçèéíïòóúü",
    "pl": "ąćęłńóśźżŁŚŻ",
    "pt": "àáâãçéêíóôõúü",
    "qu": "ñ",
    "rm": "àèéìòù",
    "ro": "ăâîșțȘȚ",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sq": "çë",
    "sr-Latn": "čćđšž",
    "sv": "åäöÅÄÖ",
    "tl": "ñ",
    "tr": "çğıöşüÇĞİÖŞÜ",
    "zh": "的一是不了人我在有他这中文国",
    "zh-Hant": "的一是不了人我在有這個們國",
}


@pytest.fixture(scope="module")
def characters() -> set[str]:
    return set(Models.loaded(1).engine.text_rec.session.get_character_list())


@pytest.mark.parametrize("language", sorted(READ_BY_RAPIDOCR))
def test_the_models_know_the_letters_of_each_language(language: str, characters: set[str]) -> None:
    plain = "" if language in ("ja", "zh", "zh-Hant") else "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert set(plain + LETTERS.get(language, "")) <= characters


def test_the_models_do_not_know_vietnamese(characters: set[str]) -> None:
    missing = [letter for letter in "ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ" if letter not in characters]
    assert len(missing) > 30


def test_all_languages_that_rapidocr_names_are_there() -> None:
    from rapidocr import RapidOCR

    named = set(RapidOCR.list_supported_langs("rec", "PP-OCRv6", "small")) - RAPIDOCR_SYNONYMS - UNREADABLE
    assert {RAPIDOCR_NAMES.get(name, name) for name in named} == READ_BY_RAPIDOCR


def test_no_two_languages_share_data() -> None:
    assert len(set(TESSERACT_NAMES.values())) == len(TESSERACT_NAMES)


def test_a_language_the_models_do_not_read_is_refused() -> None:
    TextSettings(languages=("en", "de", "zh-Hant"))
    with pytest.raises(ValidationError, match=r"models of rapidocr do not read ru, vi; they read af, az, .*, zh-Hant"):
        TextSettings(languages=("en", "ru", "vi"))
    TextSettings(engine="tesseract", languages=("rus", "chi_tra"))


@pytest.mark.parametrize("language", ["../../etc/passwd", "eng+deu", "", "e"])
def test_a_language_is_a_plain_name(language: str) -> None:
    with pytest.raises(ValidationError):
        TextSettings(engine="tesseract", languages=(language,))
