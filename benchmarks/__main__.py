"""`make bench` runs every benchmark; names of some run only those."""

import sys

from benchmarks import claims, decoding, release, roundtrip, wakeup, writers

BENCHMARKS = {
    "roundtrip": ("An empty job, enqueue to complete", roundtrip.run),
    "claims": ("Getting a job, by the size of the tables", claims.run),
    "wakeup": ("Waking an idle worker", wakeup.run),
    "release": ("Freeing the job of a killed analysis process", release.run),
    "writers": ("Writing to SQLite from many processes", writers.run),
    "decoding": ("Decoding, 1080p", decoding.run),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        title, run = BENCHMARKS[name]
        print(title, flush=True)
        run()
        print(flush=True)
