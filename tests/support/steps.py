"""The fault points of the product, in the order in which a video passes them."""

SUBMIT = (
    "submit.begun",
    "storage.writing",
    "storage.written",
    "storage.renamed",
    "submit.saved",
    "submit.probed",
    "submit.inserted",
    "submit.committed",
)
BEFORE_THE_ANSWER = ("job.claimed", "job.sent")
AFTER_THE_ANSWER = ("job.answered", "storage.writing", "storage.written", "storage.renamed", "results.saved")
RUN = ("hint.taken", *BEFORE_THE_ANSWER, *AFTER_THE_ANSWER, "job.completed")
WEBHOOK = ("webhook.claimed", "webhook.sent")
