"""How much is read of a log stream: collectors ask for it, and checks know by it whether they have the whole."""

HEAD_LINES = 100
TAIL_LINES = 400
