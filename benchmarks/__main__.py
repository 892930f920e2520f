"""`make bench` runs every benchmark; `python -m benchmarks claims wakeup` runs those two."""

import sys

from benchmarks import (
    claims,
    decoding,
    detection,
    http_submit,
    listing,
    long_videos,
    release,
    results,
    roundtrip,
    submit,
    text,
    text_settings,
    uploads,
    wakeup,
    writers,
)

BENCHMARKS = {
    "roundtrip": ("An empty job, enqueue to complete", roundtrip.run),
    "claims": ("Getting a job, by the size of the tables", claims.run),
    "wakeup": ("Waking an idle worker", wakeup.run),
    "release": ("Freeing the job of a killed analysis process", release.run),
    "results": ("Reading 200,000 frame results over HTTP", results.run),
    "submit": ("Submitting jobs, by the number of clients", submit.run),
    "http": ("Submitting an MP4 over HTTP, by the number of clients", http_submit.run),
    "listing": ("A page of jobs, by the size of the table", listing.run),
    "uploads": ("A large upload: speed, memory, other requests", uploads.run),
    "writers": ("Writing to SQLite from many processes", writers.run),
    "decoding": ("Decoding, 1080p", decoding.run),
    "text": ("Reading text on slides, 720p", text.run),
    "text_settings": ("Reading text by its settings: speed and errors", text_settings.run),
    "detection": ("A model of YOLO's size on every frame", detection.run),
    "long": ("Long videos: memory, first frame, segments", long_videos.run),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        title, run = BENCHMARKS[name]
        print(title, flush=True)
        run()
        print(flush=True)
