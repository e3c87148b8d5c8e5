"""The store of what AWS forgets, who fills it, and how an incident is read from it."""
