"""What happens next: the only rooms that load agents and langgraph."""

import os

# Read by langgraph when it is imported: without it a planted checkpoint row could construct any type.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
