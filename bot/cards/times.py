"""Times on cards: the absolute one in the viewer's zone, and how much is left at a named minute."""

from datetime import UTC, datetime, timedelta


def utc(at: datetime) -> str:
    """`1 Mar 2027, 10:15 UTC`: for screen readers and as a fallback."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def local(at: datetime) -> str:
    """mrkdwn that Slack shows in the viewer's zone."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{utc(at)}>"


def left(due: datetime, now: datetime) -> str:
    """`12 min left at 14:18 UTC`, or `overdue by 5 min at …`."""
    return f"{remaining(due, now)} at {now.astimezone(UTC):%H:%M} UTC"


def left_here(due: datetime, now: datetime) -> str:
    """The same as mrkdwn, the minute in the viewer's zone."""
    fallback = f"{now.astimezone(UTC):%H:%M} UTC"
    return f"*{remaining(due, now)}* at <!date^{int(now.timestamp())}^{{time}}|{fallback}>"


def remaining(due: datetime, now: datetime) -> str:
    """`12 min left`, or `overdue by 5 min`."""
    length = due - now
    return f"{span(length)} left" if length > timedelta(0) else f"overdue by {span(-length)}"


def span(length: timedelta) -> str:
    """`12 min`, `3 h 5 min`, `2 d 4 h`; rounded up, so that "0 min left" never stands before the deadline."""
    minutes = -(-int(length.total_seconds()) // 60)
    hours, days = minutes // 60, minutes // 1440
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    return f"{days} d" + (f" {hours % 24} h" if hours % 24 else "")
