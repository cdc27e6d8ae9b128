"""What a job will do, worked out before it does it: of one step or of many, and as the document kept with it."""
