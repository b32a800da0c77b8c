"""`make bench`: what judging and a gate cost, how long looking takes, then how long a click waits."""

import sys

from tests.bench import ack, cycles, looking, routing

if __name__ == "__main__":
    print("What judging costs")
    routing.main()
    print("\nWhat a gate costs")
    cycles.main()
    print("\nHow long looking takes")
    slow = looking.main([])
    print("\nHow long a decision click waits")
    sys.exit(ack.main() or slow)
