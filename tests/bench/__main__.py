"""`make bench`: what a gate costs, then how long a click waits."""

import sys

from tests.bench import ack, cycles

if __name__ == "__main__":
    print("What a gate costs")
    cycles.main()
    print("\nHow long a decision click waits")
    sys.exit(ack.main())
