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
# What comes between them is as in a submit.
UPLOAD = ("upload.inserted", "upload.saved", "upload.advanced", "upload.ended")
SUBMIT_ONCE = ("key.claimed",)
BEFORE_THE_ANSWER = ("job.claimed", "job.sent")
AFTER_THE_ANSWER = ("job.answered", "storage.writing", "storage.written", "storage.renamed", "results.saved")
RUN = ("hint.taken", *BEFORE_THE_ANSWER, *AFTER_THE_ANSWER, "job.completed")
WEBHOOK = ("webhook.claimed", "webhook.sent")
