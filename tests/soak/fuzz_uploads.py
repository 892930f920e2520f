"""Post damaged MP4s to a running server, at length: always a documented answer, and nothing left of the refused.

    python -m tests.soak.fuzz_uploads --seconds 600 --seed 1

Ends with exit code 1 when an answer was wrong, the server died, or something was left behind.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

from reelwork.storage.service import video_key
from tests.conformance.library import REAL
from tests.support.fuzzed_uploads import FuzzedUploads
from tests.support.service import Service

_BATCH = 500
_LARGEST_BYTES = 1_000_000


def main() -> int:
    """Run as the arguments say; return the exit code."""
    arguments = _arguments()
    sources = [path for path in REAL.values() if path.stat().st_size <= _LARGEST_BYTES]
    print(f"seed {arguments.seed}, {len(sources)} clips", flush=True)
    tally: Counter[tuple[str, int]] = Counter()
    complaints: list[str] = []
    with tempfile.TemporaryDirectory(prefix="reelwork-fuzz-uploads-") as name:
        service = Service(Path(name) / "data")
        try:
            server = service.start("serve", "--port", "0")
            fuzzing = FuzzedUploads(server.url(), sources, arguments.seed)
            ends_at = monotonic() + arguments.seconds
            while monotonic() < ends_at and not complaints:
                fuzzed = fuzzing.post(_BATCH)
                tally += fuzzed.tally
                complaints += fuzzed.complaints
                kept = {video_key(job_id) for job_id in fuzzed.jobs}
                complaints += [f"left behind: {name}" for name in set(service.stored_files()) - kept]
                if server.process.poll() is not None:
                    complaints.append("the server died")
                for name in kept:
                    (service.data_dir / "files" / name).unlink()
        finally:
            service.close()
    for (kind, status), count in sorted(tally.items()):
        print(f"  {kind}: {count} answered {status}")
    print("\n".join([f"{tally.total()} damaged files, {len(complaints)} complaints", *complaints]))
    return 1 if complaints else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long to go on (300)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="what the dice begin with")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
