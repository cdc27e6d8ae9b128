"""What a worker process is: how it starts, prepares itself, runs tasks, and how its death is known."""
