"""Find out why an Amazon ECS deployment does not stabilize."""
