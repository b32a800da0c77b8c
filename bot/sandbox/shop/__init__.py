"""A small shop on loopback: refund cases, store credit, refunds, messages, and a ledger of what really happened.

It is an outside world with real effects that can be counted, and it can be told to fail before or after acting.
"""

from bot.sandbox.shop.app import create_shop

__all__ = ["create_shop"]
