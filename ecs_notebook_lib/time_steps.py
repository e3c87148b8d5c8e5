"""The steps into which a stretch of time is cut for people."""

ROUND_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440)
"""Minutes, hours and a day, as a clock or a calendar has them."""
