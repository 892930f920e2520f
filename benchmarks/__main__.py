"""`make bench` runs every benchmark."""

from benchmarks import decoding

if __name__ == "__main__":
    print("Decoding, 1080p")
    decoding.run()
