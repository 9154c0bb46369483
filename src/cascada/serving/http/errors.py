"""A request that cannot be answered: a status, a sentence, and a short reason that is counted."""

# why requests are refused: shown from the beginning, so that the first one is an increase
REASONS = (
    "connections",
    "ending",
    "encoding",
    "file",
    "host",
    "invalid",
    "model",
    "queue_full",
    "rate",
    "slow",
    "token",
    "too_large",
    "values",
)


class Refused(Exception):
    """`status`: of HTTP; `reason`: a label of the metric `cascada_refused_total`; `retry`: s after which to come again."""

    def __init__(self, status: int, reason: str, sentence: str, retry: float | None = None):
        super().__init__(sentence)
        assert reason in REASONS, reason
        self.status, self.reason, self.sentence, self.retry = status, reason, sentence, retry


def bad(sentence: str) -> Refused:
    return Refused(400, "invalid", sentence)


def too_large(sentence: str) -> Refused:
    return Refused(413, "too_large", sentence)
