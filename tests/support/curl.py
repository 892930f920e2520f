"""Stands in for curl on machines without it: the few options that the pages use."""

import argparse
import sys
from pathlib import Path

import httpx

parser = argparse.ArgumentParser()
parser.add_argument("-s", action="store_true")
parser.add_argument("-o", type=Path)
parser.add_argument("-w", default="")
parser.add_argument("-F")
parser.add_argument("-H", action="append", default=[])
parser.add_argument("url")
given = parser.parse_args()
headers = dict(header.split(": ", 1) for header in given.H)
if given.F:
    name, path = given.F.split("=@")
    answer = httpx.post(given.url, files={name: Path(path).read_bytes()}, headers=headers)
else:
    answer = httpx.get(given.url, headers=headers)
if given.o:
    given.o.write_bytes(answer.content)
else:
    sys.stdout.buffer.write(answer.content)
    sys.stdout.flush()
sys.stdout.write(given.w.replace("%{http_code}", str(answer.status_code)).replace("\\n", "\n"))
