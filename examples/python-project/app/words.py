"""Counts the words of its arguments."""

import sys


def count(text: str) -> int:
    return len(text.split())


if __name__ == "__main__":
    print(count(" ".join(sys.argv[1:])))
