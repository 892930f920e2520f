"""The languages that can be read, by their ISO 639 codes (with a script where one code has several)."""

TESSERACT_NAMES = {
    "af": "afr",
    "az": "aze",
    "bs": "bos",
    "ca": "cat",
    "cs": "ces",
    "cy": "cym",
    "da": "dan",
    "de": "deu",
    "en": "eng",
    "es": "spa",
    "et": "est",
    "eu": "eus",
    "fi": "fin",
    "fr": "fra",
    "ga": "gle",
    "gl": "glg",
    "hr": "hrv",
    "hu": "hun",
    "id": "ind",
    "is": "isl",
    "it": "ita",
    "ja": "jpn",
    "ku": "kmr",
    "la": "lat",
    "lb": "ltz",
    "lt": "lit",
    "lv": "lav",
    "mi": "mri",
    "ms": "msa",
    "mt": "mlt",
    "nl": "nld",
    "no": "nor",
    "oc": "oci",
    "pl": "pol",
    "pt": "por",
    "qu": "que",
    "rm": "roh",
    "ro": "ron",
    "sk": "slk",
    "sl": "slv",
    "sq": "sqi",
    "sr-Latn": "srp_latn",
    "sv": "swe",
    "sw": "swa",
    "tl": "fil",
    "tr": "tur",
    "uz": "uzb",
    "zh": "chi_sim",
    "zh-Hant": "chi_tra",
}
"""What tesseract calls the data for each language that rapidocr's models read.

They are the languages rapidocr names for these models but for Vietnamese, most of whose letters the models do not know.
"""

READ_BY_RAPIDOCR = frozenset(TESSERACT_NAMES)


def tesseract_name(language: str) -> str:
    """Return what tesseract calls the data for a language; a name of its own stays."""
    return TESSERACT_NAMES.get(language, language)
