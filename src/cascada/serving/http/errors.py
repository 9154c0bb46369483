"""A request that cannot be answered: a status, a sentence, and a short reason that is counted."""


class Refused(Exception):
    """`status`: of HTTP; `reason`: a label of the metric `cascada_refused_total`; `retry`: s after which to come again."""

    def __init__(self, status: int, reason: str, sentence: str, retry: float | None = None):
        super().__init__(sentence)
        self.status, self.reason, self.sentence, self.retry = status, reason, sentence, retry


def bad(sentence: str) -> Refused:
    return Refused(400, "invalid", sentence)


def too_large(sentence: str) -> Refused:
    return Refused(413, "too_large", sentence)
